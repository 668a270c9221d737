// classify: a job for Azure Container Apps, made by headrace deploy
//   headrace run /models/lite0 /in --out /out/results.jsonl --summary /out/summary.json --resume
//
// az deployment group create --resource-group GROUP --template-file classify.bicep --parameters
// NAME=VALUE ...; it takes:
//   environmentId: the resource id of the Container Apps environment
// The environment must have these storages already:
//   az containerapp env storage set --storage-name models --access-mode ReadOnly \
//     --resource-group GROUP --name ENVIRONMENT --azure-file-account-name ACCOUNT \
//     --azure-file-share-name SHARE --azure-file-account-key KEY
//   az containerapp env storage set --storage-name pictures --access-mode ReadOnly \
//     --resource-group GROUP --name ENVIRONMENT --azure-file-account-name ACCOUNT \
//     --azure-file-share-name SHARE --azure-file-account-key KEY
//   az containerapp env storage set --storage-name results --access-mode ReadWrite \
//     --resource-group GROUP --name ENVIRONMENT --azure-file-account-name ACCOUNT \
//     --azure-file-share-name SHARE --azure-file-account-key KEY
// The log of an execution that has ended is in the environment's Log Analytics workspace, if it has one.

@description('the resource id of the Container Apps environment')
param environmentId string = resourceId('Microsoft.App/managedEnvironments', 'vision')

resource job 'Microsoft.App/jobs@2025-07-01' = {
  name: 'classify'
  location: 'westeurope'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/headrace/providers/Microsoft.ManagedIdentity/userAssignedIdentities/puller': {}
    }
  }
  properties: {
    environmentId: environmentId
    workloadProfileName: 'Consumption'
    configuration: {
      triggerType: 'Manual'
      replicaTimeout: 21600
      replicaRetryLimit: 5
      manualTriggerConfig: {
        parallelism: 1
        replicaCompletionCount: 1
      }
      registries: [
        {
          server: 'me.azurecr.io'
          identity: '/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/headrace/providers/Microsoft.ManagedIdentity/userAssignedIdentities/puller'
        }
      ]
      secrets: [
        {
          name: 'sb-conn'
          keyVaultUrl: 'https://keys.vault.azure.net/secrets/queue'
          identity: '/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/headrace/providers/Microsoft.ManagedIdentity/userAssignedIdentities/puller'
        }
      ]
    }
    template: {
      containers: [
        {
          name: 'headrace'
          image: 'me.azurecr.io/headrace:0.1.0'
          args: [
            'run'
            '/models/lite0'
            '/in'
            '--out'
            '/out/results.jsonl'
            '--summary'
            '/out/summary.json'
            '--resume'
          ]
          resources: {
            cpu: 4
            memory: '8Gi'
          }
          env: [
            {
              name: 'HEADRACE_CPUS'
              value: '4'
            }
            {
              name: 'HEADRACE_MEMORY_MB'
              value: '8192'
            }
            {
              name: 'OMP_NUM_THREADS'
              value: '1'
            }
            {
              name: 'SB_CONN'
              secretRef: 'sb-conn'
            }
          ]
          volumeMounts: [
            {
              volumeName: 'models'
              mountPath: '/models'
            }
            {
              volumeName: 'pictures'
              mountPath: '/in'
            }
            {
              volumeName: 'results'
              mountPath: '/out'
            }
          ]
        }
      ]
      volumes: [
        {
          name: 'models'
          storageType: 'AzureFile'
          storageName: 'models'
        }
        {
          name: 'pictures'
          storageType: 'AzureFile'
          storageName: 'pictures'
        }
        {
          name: 'results'
          storageType: 'AzureFile'
          storageName: 'results'
        }
      ]
    }
  }
}

output id string = job.id
