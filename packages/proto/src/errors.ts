/**
 * The one table of what etcd says when it refuses: a condition, the gRPC code and the text that stand for it.
 *
 * Clients of every language tell conditions apart by the text, so texts are exact, odd ones included.
 */

/** gRPC's status codes. */
export const GrpcCode = {
  OK: 0,
  Canceled: 1,
  Unknown: 2,
  InvalidArgument: 3,
  DeadlineExceeded: 4,
  NotFound: 5,
  AlreadyExists: 6,
  PermissionDenied: 7,
  ResourceExhausted: 8,
  FailedPrecondition: 9,
  Aborted: 10,
  OutOfRange: 11,
  Unimplemented: 12,
  Internal: 13,
  Unavailable: 14,
  DataLoss: 15,
  Unauthenticated: 16,
} as const;
export type GrpcCodeName = keyof typeof GrpcCode;
export type GrpcCode = (typeof GrpcCode)[GrpcCodeName];

/** What ends a call: nothing else about an error crosses the wire. */
export interface RpcStatus {
  readonly code: GrpcCode;
  readonly message: string;
}

/** A status that has a name here. */
export interface RpcError extends RpcStatus {
  readonly name: ErrorName;
}

/** The names by which etcd's own sources know the conditions, as far as they have one there. */
export type ErrorName = keyof typeof TABLE;

/**
 * The code is the one on the wire: two conditions are meant as something else, but reach clients as Unknown, and clients
 * have come to know them so.
 */
const TABLE = {
  EmptyKey: ['InvalidArgument', 'etcdserver: key is not provided'],
  KeyNotFound: ['InvalidArgument', 'etcdserver: key not found'],
  ValueProvided: ['InvalidArgument', 'etcdserver: value is provided'],
  LeaseProvided: ['InvalidArgument', 'etcdserver: lease is provided'],
  TooManyOps: ['InvalidArgument', 'etcdserver: too many operations in txn request'],
  DuplicateKey: ['InvalidArgument', 'etcdserver: duplicate key given in txn request'],
  InvalidClientAPIVersion: ['InvalidArgument', 'etcdserver: invalid client api version'],
  InvalidSortOption: ['InvalidArgument', 'etcdserver: invalid sort option'],
  Compacted: ['OutOfRange', 'etcdserver: mvcc: required revision has been compacted'],
  FutureRev: ['OutOfRange', 'etcdserver: mvcc: required revision is a future revision'],
  NoSpace: ['ResourceExhausted', 'etcdserver: mvcc: database space exceeded'],
  LeaseNotFound: ['NotFound', 'etcdserver: requested lease not found'],
  LeaseExist: ['FailedPrecondition', 'etcdserver: lease already exists'],
  LeaseTTLTooLarge: ['OutOfRange', 'etcdserver: too large lease TTL'],
  WatchCanceled: ['Canceled', 'etcdserver: watch canceled'],
  MemberExist: ['FailedPrecondition', 'etcdserver: member ID already exist'],
  PeerURLExist: ['FailedPrecondition', 'etcdserver: Peer URLs already exists'],
  // Meant as FailedPrecondition, sent as Unknown.
  MemberNotEnoughStarted: ['Unknown', 'etcdserver: re-configuration failed due to not enough started members'],
  MemberBadURLs: ['InvalidArgument', 'etcdserver: given member URLs are invalid'],
  MemberNotFound: ['NotFound', 'etcdserver: member not found'],
  MemberNotLearner: ['FailedPrecondition', 'etcdserver: can only promote a learner member'],
  LearnerNotReady: ['FailedPrecondition', 'etcdserver: can only promote a learner member which is in sync with leader'],
  TooManyLearners: ['FailedPrecondition', 'etcdserver: too many learner members in cluster'],
  ClusterIDMismatch: ['FailedPrecondition', 'etcdserver: cluster ID mismatch'],
  RequestTooLarge: ['InvalidArgument', 'etcdserver: request is too large'],
  // Meant as ResourceExhausted, sent as Unknown.
  RequestTooManyRequests: ['Unknown', 'etcdserver: too many requests'],
  RootUserNotExist: ['FailedPrecondition', 'etcdserver: root user does not exist'],
  RootRoleNotExist: ['FailedPrecondition', 'etcdserver: root user does not have root role'],
  UserAlreadyExist: ['FailedPrecondition', 'etcdserver: user name already exists'],
  UserEmpty: ['InvalidArgument', 'etcdserver: user name is empty'],
  UserNotFound: ['FailedPrecondition', 'etcdserver: user name not found'],
  RoleAlreadyExist: ['FailedPrecondition', 'etcdserver: role name already exists'],
  RoleNotFound: ['FailedPrecondition', 'etcdserver: role name not found'],
  RoleEmpty: ['InvalidArgument', 'etcdserver: role name is empty'],
  AuthFailed: ['InvalidArgument', 'etcdserver: authentication failed, invalid user ID or password'],
  PermissionNotGiven: ['InvalidArgument', 'etcdserver: permission not given'],
  PermissionDenied: ['PermissionDenied', 'etcdserver: permission denied'],
  RoleNotGranted: ['FailedPrecondition', 'etcdserver: role is not granted to the user'],
  PermissionNotGranted: ['FailedPrecondition', 'etcdserver: permission is not granted to the role'],
  AuthNotEnabled: ['FailedPrecondition', 'etcdserver: authentication is not enabled'],
  InvalidAuthToken: ['Unauthenticated', 'etcdserver: invalid auth token'],
  InvalidAuthMgmt: ['InvalidArgument', 'etcdserver: invalid auth management'],
  AuthOldRevision: ['InvalidArgument', 'etcdserver: revision of auth store is old'],
  NoLeader: ['Unavailable', 'etcdserver: no leader'],
  NotLeader: ['FailedPrecondition', 'etcdserver: not leader'],
  LeaderChanged: ['Unavailable', 'etcdserver: leader changed'],
  NotCapable: ['FailedPrecondition', 'etcdserver: not capable'],
  Stopped: ['Unavailable', 'etcdserver: server stopped'],
  Timeout: ['Unavailable', 'etcdserver: request timed out'],
  TimeoutDueToLeaderFail: ['Unavailable', 'etcdserver: request timed out, possibly due to previous leader failure'],
  TimeoutDueToConnectionLost: ['Unavailable', 'etcdserver: request timed out, possibly due to connection lost'],
  TimeoutWaitAppliedIndex: [
    'Unavailable',
    'etcdserver: request timed out, waiting for the applied index took too long',
  ],
  Unhealthy: ['Unavailable', 'etcdserver: unhealthy cluster'],
  Corrupt: ['DataLoss', 'etcdserver: corrupt cluster'],
  NotSupportedForLearner: ['FailedPrecondition', 'etcdserver: rpc not supported for learner'],
  BadLeaderTransferee: ['FailedPrecondition', 'etcdserver: bad leader transferee'],
  WrongDowngradeVersionFormat: ['InvalidArgument', 'etcdserver: wrong downgrade target version format'],
  InvalidDowngradeTargetVersion: ['InvalidArgument', 'etcdserver: invalid downgrade target version'],
  ClusterVersionUnavailable: ['FailedPrecondition', 'etcdserver: cluster version not found during downgrade'],
  DowngradeInProcess: ['FailedPrecondition', 'etcdserver: cluster has a downgrade job in progress'],
  NoInflightDowngrade: ['FailedPrecondition', 'etcdserver: no inflight downgrade job'],
  Canceled: ['Canceled', 'etcdserver: request canceled'],
  /** Servers send ContextDeadlineExceeded in its place; libraries know this one too. */
  DeadlineExceeded: ['DeadlineExceeded', 'etcdserver: context deadline exceeded'],

  // These have no entry in etcd's own table, so they travel as Unknown with the text they had.
  ProposalDropped: ['Unknown', 'raft proposal dropped'],
  NoPasswordUser: ['Unknown', 'auth: authentication failed, password was given for no password user'],
  NotPrimaryLessor: ['Unknown', 'not a primary lessor'],
  LeaderTransferTimeout: ['Unknown', 'etcdserver: request timed out, leader transfer took too long'],
  RequestCancelled: ['Unknown', 'etcdserver: request cancelled'],
  UnknownMethod: ['Unknown', 'etcdserver: unknown method'],
  MutexSessionExpired: ['Unknown', 'mutex: session is expired'],
  MutexLocked: ['Unknown', 'mutex: Locked by another session'],
  MutexReleased: ['Unknown', 'mutex: lock has already been released'],
  ElectionNotLeader: ['Unknown', 'election: not leader'],
  ElectionNoLeader: ['Unknown', 'election: no leader'],
  LeaderFieldMissing: ['Unknown', '"leader" field must be provided'],
  PasswordTooLong: ['Unknown', 'bcrypt: password length exceeds 72 bytes'],

  // What the transport says, not the server behind it.
  ContextCanceled: ['Canceled', 'context canceled'],
  ContextDeadlineExceeded: ['DeadlineExceeded', 'context deadline exceeded'],
  MissingContentType: ['Internal', 'malformed header: missing HTTP content-type'],
  /** Of the health service: asked for a service that has no health. */
  HealthUnknownService: ['NotFound', 'unknown service'],
} as const;

/** The table by name. */
export const etcdErrors: Readonly<Record<ErrorName, RpcError>> = Object.freeze(
  Object.fromEntries(
    (Object.keys(TABLE) as ErrorName[]).map((name) => {
      const [code, message] = TABLE[name];
      return [name, Object.freeze({ name, code: GrpcCode[code], message })];
    }),
  ) as Record<ErrorName, RpcError>,
);

const byMessage: ReadonlyMap<string, RpcError> = new Map(
  Object.values(etcdErrors).map((error) => [error.message, error]),
);
const codeNames: ReadonlyMap<number, GrpcCodeName> = new Map(
  (Object.keys(GrpcCode) as GrpcCodeName[]).map((name) => [GrpcCode[name], name]),
);

/** The status that stands for a condition. */
export function rpcError(name: ErrorName): RpcError {
  return etcdErrors[name];
}

/** The condition a text stands for; undefined when the text is of some other making. */
export function rpcErrorOf(message: string): RpcError | undefined {
  return byMessage.get(message);
}

/** A request, or a response to a client with a limit, of more bytes than may be received. */
export function messageTooLarge(bytes: number, maxBytes: number): RpcStatus {
  return {
    code: GrpcCode.ResourceExhausted,
    message: `grpc: received message larger than max (${bytes} vs. ${maxBytes})`,
  };
}

/** A call to a path that is not `/service/method`. */
export function malformedMethod(path: string): RpcStatus {
  return { code: GrpcCode.Unimplemented, message: `malformed method name: "${path}"` };
}

/** A call to `/service/method` where there is no such service. */
export function unknownService(service: string): RpcStatus {
  return { code: GrpcCode.Unimplemented, message: `unknown service ${service}` };
}

/** A call to `/service/method` where the service has no such method. */
export function unknownMethod(service: string, method: string): RpcStatus {
  return { code: GrpcCode.Unimplemented, message: `unknown method ${method} for service ${service}` };
}

/** "InvalidArgument" for 3, and "Code(99)" for what is no code. */
export function codeName(code: number): string {
  return codeNames.get(code) ?? `Code(${code})`;
}

/** The text by which a status is told inside another message, as in the reason a watch was canceled for. */
export function describe(status: RpcStatus): string {
  return `rpc error: code = ${codeName(status.code)} desc = ${status.message}`;
}

/** The HTTP status that stands for a code where calls are made in JSON. */
export function httpStatus(code: number): number {
  return HTTP_STATUS[code as GrpcCode] ?? 500;
}

const HTTP_STATUS: Readonly<Record<GrpcCode, number>> = {
  0: 200,
  1: 499,
  2: 500,
  3: 400,
  4: 504,
  5: 404,
  6: 409,
  7: 403,
  8: 429,
  9: 400,
  10: 409,
  11: 400,
  12: 501,
  13: 500,
  14: 503,
  15: 500,
  16: 401,
};
