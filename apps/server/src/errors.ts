import type { errors } from '@kontiki/proto';

/** A condition of etcd's table of errors: its name finds code and text in `@kontiki/proto`. */
export type Condition = errors.ErrorName;

/** A condition raised by the server itself. */
export class ServerError extends Error {
  override readonly name = 'ServerError';

  constructor(
    readonly condition: Condition,
    options?: ErrorOptions,
  ) {
    super(condition, options);
  }
}
