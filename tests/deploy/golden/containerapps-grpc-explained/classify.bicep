// classify: an app for Azure Container Apps, made by headrace deploy
//   headrace serve /models/lite0 --http 127.0.0.1:8080 --grpc 0.0.0.0:8001
//
// az deployment group create --resource-group GROUP --template-file classify.bicep

resource app 'Microsoft.App/containerApps@2025-07-01' = {
  // --name
  name: 'classify'
  // --location
  location: 'westeurope'
  properties: {
    // --environment
    environmentId: '/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/headrace/providers/Microsoft.App/managedEnvironments/vision'
    configuration: {
      // a new revision takes over when it is ready, and the old one ends
      activeRevisionsMode: 'Single'
      ingress: {
        // only the environment gets to it
        external: false
        // --grpc 0.0.0.0:8001
        targetPort: 8001
        // gRPC needs HTTP/2 all the way
        transport: 'http2'
        // clients speak TLS with the ingress
        allowInsecure: false
      }
    }
    template: {
      // --grace for what was admitted, and some seconds to leave; SIGTERM goes to every process here, and
      // workers leave it to the server
      terminationGracePeriodSeconds: 30
      containers: [
        {
          // what logs and replicas call it
          name: 'headrace'
          // --image
          image: 'registry.example/headrace:0.1.0'
          // follow the image's own program, headrace
          args: [
            'serve'
            '/models/lite0'
            '--http'
            '127.0.0.1:8080'
            '--grpc'
            '0.0.0.0:8001'
          ]
          // one of the platform's pairs: 2 Gi a CPU. Both are limits as well
          resources: {
            cpu: json('0.5')
            memory: '1Gi'
          }
          env: [
            // the container's own CPUs: what it sees may be a larger machine without a quota
            {
              name: 'HEADRACE_CPUS'
              value: '0.5'
            }
            // 1024 MiB; a tighter limit that Headrace sees counts all the same
            {
              name: 'HEADRACE_MEMORY_MB'
              value: '1024'
            }
            // OpenBLAS and MKL read it too: whatever else runs in the container does not start a thread
            // for each CPU of the machine; Headrace tells its workers itself
            {
              name: 'OMP_NUM_THREADS'
              value: '1'
            }
          ]
          probes: [
            // 120 s to start: 24 looks, 5 s apart; nobody said how long the model loads (--load-time), so
            // as long as Headrace itself lets it; here as 10 looks, 12 s apart, for the platform takes no
            // more looks
            {
              type: 'Startup'
              tcpSocket: {
                port: 8001
              }
              initialDelaySeconds: 1
              periodSeconds: 12
              timeoutSeconds: 2
              failureThreshold: 10
            }
            // asked from 1 s on; gets no requests 15 s after its workers are gone, and some again 5 s
            // after they are back
            {
              type: 'Readiness'
              tcpSocket: {
                port: 8001
              }
              initialDelaySeconds: 1
              periodSeconds: 5
              timeoutSeconds: 2
              failureThreshold: 3
            }
            // it is killed after 60 s without an answer: 4 looks, 15 s apart
            {
              type: 'Liveness'
              tcpSocket: {
                port: 8001
              }
              periodSeconds: 15
              timeoutSeconds: 5
              failureThreshold: 4
            }
          ]
        }
      ]
      scale: {
        // --replicas
        minReplicas: 1
        // no more than that
        maxReplicas: 1
      }
    }
  }
}

output id string = app.id
output address string = app.properties.configuration.ingress.fqdn
