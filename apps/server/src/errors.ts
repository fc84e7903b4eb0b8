import type { errors } from '@kontiki/proto';

/** A condition of etcd's table of errors, raised by the server itself: the name finds code and text in `@kontiki/proto`. */
export class ServerError extends Error {
  override readonly name = 'ServerError';

  constructor(readonly condition: errors.ErrorName) {
    super(condition);
  }
}
