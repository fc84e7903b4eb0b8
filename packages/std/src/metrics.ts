/** Metrics, as ports: a package counts through these, the app decides where the numbers go. */
export interface Counter {
  add(amount?: number): void;
}

export interface Gauge {
  set(value: number): void;
}

export interface Histogram {
  /** `value` in the unit of the metric's name: seconds for `*_seconds`. */
  observe(value: number): void;
}

export const silentCounter: Counter = { add: () => {} };
export const silentGauge: Gauge = { set: () => {} };
export const silentHistogram: Histogram = { observe: () => {} };
