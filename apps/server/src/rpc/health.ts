import { health } from '@kontiki/proto';
import { ServerError } from '../errors.js';
import { type Service, service } from './service.js';

/** Only the server as a whole (service "") has a health; it serves from the start. */
export function healthService(): Service {
  return service(health.HealthDefinition, {
    check({ service: name }) {
      if (name !== '') throw new ServerError('HealthUnknownService');
      return { status: health.HealthCheckResponse_ServingStatus.SERVING };
    },

    async watch(stream) {
      for await (const { service: name } of stream.requests) {
        const { SERVING, SERVICE_UNKNOWN } = health.HealthCheckResponse_ServingStatus;
        stream.write({ status: name === '' ? SERVING : SERVICE_UNKNOWN });
        // The status does not change while we serve: the call stays open until its client leaves.
        await new Promise<void>((resolve) => stream.onCancel(resolve));
      }
    },
  });
}
