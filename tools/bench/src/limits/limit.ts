/** Something no server on this machine can go beyond, measured without one. */
export interface Limit {
  readonly name: string;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** What the answering process took for one; absent where there is none. */
  readonly cpuMicrosPerRequest?: number;
}
