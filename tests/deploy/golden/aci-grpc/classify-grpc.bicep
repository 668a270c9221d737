// classify-grpc: a container group for Azure Container Instances, made by headrace deploy
//   headrace serve /models/lite0 --http 127.0.0.1:8080 --grpc 0.0.0.0:8001
//
// az deployment group create --resource-group GROUP --template-file classify-grpc.bicep; it asks for, or
// takes with --parameters:
//   location: the region that it runs in, such as westeurope
//   storageKeyPictures: an access key of the storage account 'pictures'

@description('the region that it runs in, such as westeurope')
param location string = resourceGroup().location

@description('an access key of the storage account \'pictures\'')
@secure()
param storageKeyPictures string

resource containerGroup 'Microsoft.ContainerInstance/containerGroups@2021-10-01' = {
  name: 'classify-grpc'
  location: location
  properties: {
    osType: 'Linux'
    restartPolicy: 'Always'
    containers: [
      {
        name: 'classify-grpc'
        properties: {
          image: 'registry.example/headrace:0.1.0'
          command: [
            '/usr/bin/headrace'
            'serve'
            '/models/lite0'
            '--http'
            '127.0.0.1:8080'
            '--grpc'
            '0.0.0.0:8001'
          ]
          resources: {
            requests: {
              cpu: 2
              memoryInGB: 4
            }
            limits: {
              cpu: 2
              memoryInGB: 4
            }
          }
          environmentVariables: [
            {
              name: 'HEADRACE_CPUS'
              value: '2'
            }
            {
              name: 'HEADRACE_MEMORY_MB'
              value: '4021'
            }
            {
              name: 'OMP_NUM_THREADS'
              value: '1'
            }
          ]
          ports: [
            {
              protocol: 'TCP'
              port: 8001
            }
          ]
          volumeMounts: [
            {
              name: 'models'
              mountPath: '/models'
              readOnly: true
            }
          ]
          readinessProbe: {
            exec: {
              command: [
                '/usr/bin/headrace'
                'probe'
                '--ready'
              ]
            }
            initialDelaySeconds: 1
            periodSeconds: 5
            timeoutSeconds: 2
            failureThreshold: 3
          }
          livenessProbe: {
            exec: {
              command: [
                '/usr/bin/headrace'
                'probe'
                '--live'
              ]
            }
            initialDelaySeconds: 120
            periodSeconds: 15
            timeoutSeconds: 5
            failureThreshold: 4
          }
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
    ]
    ipAddress: {
      type: 'Private'
      ports: [
        {
          protocol: 'TCP'
          port: 8001
        }
      ]
    }
    subnetIds: [
      {
        id: '/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/headrace/providers/Microsoft.Network/virtualNetworks/net/subnets/aci'
      }
    ]
  }
}

output id string = containerGroup.id
output address string = containerGroup.properties.ipAddress.ip
