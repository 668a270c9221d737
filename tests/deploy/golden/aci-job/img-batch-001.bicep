// img-batch-001: a container group for Azure Container Instances, made by headrace deploy
//   headrace run /models/lite0 /in --out /out/results.jsonl --summary /out/summary.json --resume
//
// az deployment group create --resource-group GROUP --template-file img-batch-001.bicep; it asks for, or
// takes with --parameters:
//   storageKeyPictures: an access key of the storage account 'pictures'

@description('an access key of the storage account \'pictures\'')
@secure()
param storageKeyPictures string

resource containerGroup 'Microsoft.ContainerInstance/containerGroups@2021-10-01' = {
  name: 'img-batch-001'
  location: 'westeurope'
  properties: {
    osType: 'Linux'
    restartPolicy: 'OnFailure'
    containers: [
      {
        name: 'img-batch-001'
        properties: {
          image: 'registry.example/headrace:0.1.0'
          command: [
            '/usr/bin/headrace'
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
            requests: {
              cpu: 4
              memoryInGB: 8
            }
            limits: {
              cpu: 4
              memoryInGB: 8
            }
          }
          environmentVariables: [
            {
              name: 'HEADRACE_CPUS'
              value: '4'
            }
            {
              name: 'HEADRACE_MEMORY_MB'
              value: '8117'
            }
            {
              name: 'OMP_NUM_THREADS'
              value: '1'
            }
            {
              name: 'LOG_LABEL'
              value: 'nightly'
            }
          ]
          volumeMounts: [
            {
              name: 'models'
              mountPath: '/models'
              readOnly: true
            }
            {
              name: 'inputs'
              mountPath: '/in'
              readOnly: true
            }
            {
              name: 'results'
              mountPath: '/out'
            }
          ]
        }
      }
    ]
    volumes: [
      {
        name: 'models'
        azureFile: {
          shareName: 'models'
          readOnly: true
          storageAccountName: 'pictures'
          storageAccountKey: storageKeyPictures
        }
      }
      {
        name: 'inputs'
        azureFile: {
          shareName: 'incoming'
          readOnly: true
          storageAccountName: 'pictures'
          storageAccountKey: storageKeyPictures
        }
      }
      {
        name: 'results'
        azureFile: {
          shareName: 'results'
          storageAccountName: 'pictures'
          storageAccountKey: storageKeyPictures
        }
      }
    ]
  }
}

output id string = containerGroup.id
