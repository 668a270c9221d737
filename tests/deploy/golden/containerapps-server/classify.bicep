// classify: an app for Azure Container Apps, made by headrace deploy
//   headrace serve /models/lite0 --grpc 0.0.0.0:8001 --token-file /run/secrets/headrace/token
//
// az deployment group create --resource-group GROUP --template-file classify.bicep --parameters
// NAME=VALUE ...; it takes:
//   location: the region that it runs in, such as westeurope
//   environmentId: the resource id of the Container Apps environment
//   apiToken: the value of API_TOKEN in the container
//   shared: the value of the secret 'shared'
//   secretSecretsToken: what is in the file /run/secrets/headrace/token
//   registryPassword: the password of 'puller' at registry.example
// The environment must have these storages already:
//   az containerapp env storage set --storage-name models --access-mode ReadOnly \
//     --resource-group GROUP --name ENVIRONMENT --azure-file-account-name ACCOUNT \
//     --azure-file-share-name SHARE --azure-file-account-key KEY

@description('the region that it runs in, such as westeurope')
param location string = resourceGroup().location

@description('the resource id of the Container Apps environment')
param environmentId string = resourceId('Microsoft.App/managedEnvironments', 'vision')

@description('the value of API_TOKEN in the container')
@secure()
param apiToken string

@description('the value of the secret \'shared\'')
@secure()
param shared string

@description('what is in the file /run/secrets/headrace/token')
@secure()
param secretSecretsToken string

@description('the password of \'puller\' at registry.example')
@secure()
param registryPassword string

resource app 'Microsoft.App/containerApps@2025-07-01' = {
  name: 'classify'
  location: location
  properties: {
    environmentId: environmentId
    configuration: {
      activeRevisionsMode: 'Single'
      ingress: {
        external: true
        targetPort: 8080
        transport: 'http'
        allowInsecure: false
        additionalPortMappings: [
          {
            external: false
            targetPort: 8001
          }
        ]
      }
      registries: [
        {
          server: 'registry.example'
          username: 'puller'
          passwordSecretRef: 'registry-password'
        }
      ]
      secrets: [
        {
          name: 'api-token'
          value: apiToken
        }
        {
          name: 'shared'
          value: shared
        }
        {
          name: 'token'
          value: secretSecretsToken
        }
        {
          name: 'registry-password'
          value: registryPassword
        }
      ]
    }
    template: {
      terminationGracePeriodSeconds: 30
      containers: [
        {
          name: 'headrace'
          image: 'registry.example/headrace:0.1.0'
          args: [
            'serve'
            '/models/lite0'
            '--grpc'
            '0.0.0.0:8001'
            '--token-file'
            '/run/secrets/headrace/token'
          ]
          resources: {
            cpu: json('1.5')
            memory: '3Gi'
          }
          env: [
            {
              name: 'HEADRACE_CPUS'
              value: '1.5'
            }
            {
              name: 'HEADRACE_MEMORY_MB'
              value: '3072'
            }
            {
              name: 'OMP_NUM_THREADS'
              value: '1'
            }
            {
              name: 'THIRD'
              value: 'shared'
            }
            {
              name: 'API_TOKEN'
              secretRef: 'api-token'
            }
            {
              name: 'OTHER_TOKEN'
              secretRef: 'shared'
            }
          ]
          probes: [
            {
              type: 'Startup'
              httpGet: {
                path: '/readyz'
                port: 8080
                scheme: 'HTTP'
              }
              initialDelaySeconds: 1
              periodSeconds: 5
              timeoutSeconds: 2
              failureThreshold: 3
            }
            {
              type: 'Readiness'
              httpGet: {
                path: '/readyz'
                port: 8080
                scheme: 'HTTP'
              }
              initialDelaySeconds: 1
              periodSeconds: 5
              timeoutSeconds: 2
              failureThreshold: 3
            }
            {
              type: 'Liveness'
              httpGet: {
                path: '/livez'
                port: 8080
                scheme: 'HTTP'
              }
              periodSeconds: 15
              timeoutSeconds: 5
              failureThreshold: 4
            }
          ]
          volumeMounts: [
            {
              volumeName: 'models'
              mountPath: '/models'
            }
            {
              volumeName: 'secrets'
              mountPath: '/run/secrets/headrace'
            }
            {
              volumeName: 'scratch'
              mountPath: '/scratch'
            }
          ]
        }
      ]
      scale: {
        minReplicas: 1
        maxReplicas: 5
        rules: [
          {
            name: 'requests'
            http: {
              metadata: {
                concurrentRequests: '4'
              }
            }
          }
        ]
      }
      volumes: [
        {
          name: 'models'
          storageType: 'AzureFile'
          storageName: 'models'
        }
        {
          name: 'secrets'
          storageType: 'Secret'
          secrets: [
            {
              secretRef: 'token'
              path: 'token'
            }
          ]
        }
        {
          name: 'scratch'
          storageType: 'EmptyDir'
        }
      ]
    }
  }
}

output id string = app.id
output address string = app.properties.configuration.ingress.fqdn
