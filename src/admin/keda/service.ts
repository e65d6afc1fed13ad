/** Fields of a message, by name: number and type. */
type Fields = Record<string, [id: number, type: string, rule?: 'repeated']>;

const fields = (all: Fields) => ({
  fields: Object.fromEntries(
    Object.entries(all).map(([name, [id, type, rule]]) => [
      name,
      { id, type, ...(rule === undefined ? {} : { rule }) },
    ]),
  ),
});

/** The service `externalscaler.ExternalScaler` that KEDA asks (https://keda.sh/docs/latest/concepts/external-scalers). */
export const EXTERNAL_SCALER = {
  options: { syntax: 'proto3' },
  nested: {
    externalscaler: {
      nested: {
        ExternalScaler: {
          methods: {
            IsActive: { requestType: 'ScaledObjectRef', responseType: 'IsActiveResponse' },
            StreamIsActive: { requestType: 'ScaledObjectRef', responseType: 'IsActiveResponse', responseStream: true },
            GetMetricSpec: { requestType: 'ScaledObjectRef', responseType: 'GetMetricSpecResponse' },
            GetMetrics: { requestType: 'GetMetricsRequest', responseType: 'GetMetricsResponse' },
          },
        },
        ScaledObjectRef: {
          fields: {
            name: { id: 1, type: 'string' },
            namespace: { id: 2, type: 'string' },
            scalerMetadata: { id: 3, type: 'string', keyType: 'string' },
          },
        },
        IsActiveResponse: fields({ result: [1, 'bool'] }),
        GetMetricSpecResponse: fields({ metricSpecs: [1, 'MetricSpec', 'repeated'] }),
        MetricSpec: fields({ metricName: [1, 'string'], targetSize: [2, 'int64'], targetSizeFloat: [3, 'double'] }),
        GetMetricsRequest: fields({ scaledObjectRef: [1, 'ScaledObjectRef'], metricName: [2, 'string'] }),
        GetMetricsResponse: fields({ metricValues: [1, 'MetricValue', 'repeated'] }),
        MetricValue: fields({ metricName: [1, 'string'], metricValue: [2, 'int64'], metricValueFloat: [3, 'double'] }),
      },
    },
  },
};
