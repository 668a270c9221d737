// classify: a container group for Azure Container Instances, made by headrace deploy
//   headrace serve /models/lite0
//
// az deployment group create --resource-group GROUP --template-file classify.bicep; it asks for, or takes
// with --parameters:
//   location: the region that it runs in, such as westeurope
//   registryPassword: the password of 'puller' at registry.example
//   storageKeyPictures: an access key of the storage account 'pictures'

@description('the region that it runs in, such as westeurope')
param location string = resourceGroup().location

@description('the password of \'puller\' at registry.example')
@secure()
param registryPassword string

@description('an access key of the storage account \'pictures\'')
@secure()
param storageKeyPictures string

resource containerGroup 'Microsoft.ContainerInstance/containerGroups@2021-10-01' = {
  // --name
  name: 'classify'
  // the region of its environment or resource group, unless --location names one
  location: location
  properties: {
    // what Headrace is built for
    osType: 'Linux'
    // a server is there until it is told to end
    restartPolicy: 'Always'
    // who pulls the image
    imageRegistryCredentials: [
      {
        server: 'registry.example'
        // --registry-user
        username: 'puller'
        password: registryPassword
      }
    ]
    containers: [
      {
        // called like its group
        name: 'classify'
        properties: {
          // --image
          image: 'registry.example/headrace:0.1.0'
          // replaces the image's entry point, so the program is named; one word a line, no shell
          command: [
            '/usr/bin/headrace'
            'serve'
            '/models/lite0'
          ]
          resources: {
            requests: {
              // vCPU, paid for by the second from the first pull of the image on
              cpu: 4
              // likewise; GB in capitals, or it is not understood
              memoryInGB: 8
            }
            // the same as the request: what Headrace plans with is what there is
            limits: {
              cpu: 4
              memoryInGB: 8
            }
          }
          environmentVariables: [
            // the container's own CPUs: what it sees may be a larger machine without a quota
            {
              name: 'HEADRACE_CPUS'
              value: '4'
            }
            // 8192 MiB, less 75 MiB: the virtual machine around the container keeps them back, and what
            // of it counts against the container is not known; a tighter limit that Headrace sees counts
            // all the same
            {
              name: 'HEADRACE_MEMORY_MB'
              value: '8117'
            }
            // OpenBLAS and MKL read it too: whatever else runs in the container does not start a thread
            // for each CPU of the machine; Headrace tells its workers itself
            {
              name: 'OMP_NUM_THREADS'
              value: '1'
            }
          ]
          // the same as below: there is no mapping of ports
          ports: [
            // --http 0.0.0.0:8080
            {
              protocol: 'TCP'
              port: 8080
            }
          ]
          volumeMounts: [
            // --mount models
            {
              name: 'models'
              mountPath: '/models'
              // :ro
              readOnly: true
            }
            // --mount scratch
            {
              name: 'scratch'
              mountPath: '/scratch'
            }
          ]
          // asked from 1 s on; gets no requests 15 s after its workers are gone, and some again 5 s after
          // they are back
          readinessProbe: {
            httpGet: {
              path: '/readyz'
              port: 8080
              scheme: 'http'
            }
            initialDelaySeconds: 1
            periodSeconds: 5
            timeoutSeconds: 2
            failureThreshold: 3
          }
          // it is killed after 60 s without an answer: 4 looks, 15 s apart; the first after 120 s, since
          // there is no probe of the start: nobody said how long the model loads (--load-time), so as
          // long as Headrace itself lets it
          livenessProbe: {
            httpGet: {
              path: '/livez'
              port: 8080
              scheme: 'http'
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
      // --mount models
      {
        name: 'models'
        azureFile: {
          shareName: 'models'
          readOnly: true
          storageAccountName: 'pictures'
          // shares are mounted with the account's key, and it must not stand here
          storageAccountKey: storageKeyPictures
        }
      }
      // --mount scratch
      {
        name: 'scratch'
        // goes with the group
        emptyDir: {}
      }
    ]
    // which ports others get to
    ipAddress: {
      // an address in the subnet
      type: 'Private'
      ports: [
        // --http 0.0.0.0:8080
        {
          protocol: 'TCP'
          port: 8080
        }
      ]
    }
    // --subnet; it must be delegated to container groups
    subnetIds: [
      {
        id: '/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/headrace/providers/Microsoft.Network/virtualNetworks/net/subnets/aci'
      }
    ]
  }
}

output id string = containerGroup.id
output address string = containerGroup.properties.ipAddress.ip
