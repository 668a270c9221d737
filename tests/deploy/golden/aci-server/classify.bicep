// classify: a container group for Azure Container Instances, made by headrace deploy
//   headrace serve /models/lite0 --http 0.0.0.0:8443 --grpc 0.0.0.0:8001 --token-file
//       /run/secrets/headrace/token --tls-cert /run/secrets/headrace/cert.pem --tls-key
//       /run/secrets/headrace/key.pem
//
// az deployment group create --resource-group GROUP --template-file classify.bicep; it asks for, or takes
// with --parameters:
//   location: the region that it runs in, such as westeurope
//   queueConnection: the value of QUEUE_CONNECTION
//   storageKeyPictures: an access key of the storage account 'pictures'
//   secretSecretsTokenBase64: what is in the file /run/secrets/headrace/token, in base64
//   secretSecretsCertPemBase64: what is in the file /run/secrets/headrace/cert.pem, in base64
//   secretSecretsKeyPemBase64: what is in the file /run/secrets/headrace/key.pem, in base64
//   logWorkspaceKey: a key of the Log Analytics workspace

@description('the region that it runs in, such as westeurope')
param location string = resourceGroup().location

@description('the value of QUEUE_CONNECTION')
@secure()
param queueConnection string

@description('an access key of the storage account \'pictures\'')
@secure()
param storageKeyPictures string

@description('what is in the file /run/secrets/headrace/token, in base64')
@secure()
param secretSecretsTokenBase64 string

@description('what is in the file /run/secrets/headrace/cert.pem, in base64')
@secure()
param secretSecretsCertPemBase64 string

@description('what is in the file /run/secrets/headrace/key.pem, in base64')
@secure()
param secretSecretsKeyPemBase64 string

@description('a key of the Log Analytics workspace')
@secure()
param logWorkspaceKey string

resource containerGroup 'Microsoft.ContainerInstance/containerGroups@2021-10-01' = {
  name: 'classify'
  location: location
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/headrace/providers/Microsoft.ManagedIdentity/userAssignedIdentities/puller': {}
    }
  }
  properties: {
    osType: 'Linux'
    restartPolicy: 'Always'
    imageRegistryCredentials: [
      {
        server: 'me.azurecr.io'
        identity: '/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/headrace/providers/Microsoft.ManagedIdentity/userAssignedIdentities/puller'
      }
    ]
    containers: [
      {
        name: 'classify'
        properties: {
          image: 'me.azurecr.io/headrace:0.1.0'
          command: [
            '/usr/bin/headrace'
            'serve'
            '/models/lite0'
            '--http'
            '0.0.0.0:8443'
            '--grpc'
            '0.0.0.0:8001'
            '--token-file'
            '/run/secrets/headrace/token'
            '--tls-cert'
            '/run/secrets/headrace/cert.pem'
            '--tls-key'
            '/run/secrets/headrace/key.pem'
          ]
          resources: {
            requests: {
              cpu: json('1.5')
              memoryInGB: json('3.5')
            }
            limits: {
              cpu: json('1.5')
              memoryInGB: json('3.5')
            }
          }
          environmentVariables: [
            {
              name: 'HEADRACE_CPUS'
              value: '1.5'
            }
            {
              name: 'HEADRACE_MEMORY_MB'
              value: '3509'
            }
            {
              name: 'OMP_NUM_THREADS'
              value: '1'
            }
            {
              name: 'SB_CONN'
              secureValue: queueConnection
            }
          ]
          ports: [
            {
              protocol: 'TCP'
              port: 8443
            }
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
            {
              name: 'secrets'
              mountPath: '/run/secrets/headrace'
              readOnly: true
            }
          ]
          readinessProbe: {
            httpGet: {
              path: '/readyz'
              port: 8443
              scheme: 'https'
            }
            initialDelaySeconds: 1
            periodSeconds: 5
            timeoutSeconds: 2
            failureThreshold: 3
          }
          livenessProbe: {
            httpGet: {
              path: '/livez'
              port: 8443
              scheme: 'https'
            }
            initialDelaySeconds: 13
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
      {
        name: 'secrets'
        secret: {
          token: secretSecretsTokenBase64
          'cert.pem': secretSecretsCertPemBase64
          'key.pem': secretSecretsKeyPemBase64
        }
      }
    ]
    ipAddress: {
      type: 'Public'
      ports: [
        {
          protocol: 'TCP'
          port: 8443
        }
        {
          protocol: 'TCP'
          port: 8001
        }
      ]
      dnsNameLabel: 'headrace-classify'
    }
    diagnostics: {
      logAnalytics: {
        workspaceId: '01234567-89ab-cdef-0123-456789abcdef'
        workspaceKey: logWorkspaceKey
      }
    }
  }
}

output id string = containerGroup.id
output address string = containerGroup.properties.ipAddress.ip
