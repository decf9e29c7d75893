/** A logarithmic axis: where values lie on it, and where it has marks. */
export class LogScale {
  readonly #low: number;
  readonly #span: number;
  readonly #start: number;
  readonly #length: number;

  /** The least and greatest value, above 0, and the positions of the two. */
  constructor(domain: readonly [number, number], range: readonly [number, number]) {
    const [low, high] = domain;
    if (!(low > 0 && high > low)) throw new RangeError(`no logarithmic scale from ${low} to ${high}`);
    this.#low = Math.log10(low);
    this.#span = Math.log10(high) - this.#low;
    this.#start = range[0];
    this.#length = range[1] - range[0];
  }

  /** Where a value lies; one outside of the domain lies outside of the range. */
  position(value: number): number {
    return this.#start + ((Math.log10(value) - this.#low) / this.#span) * this.#length;
  }

  /** The powers of ten in the domain. */
  get ticks(): number[] {
    const first = Math.ceil(this.#low - TOLERANCE);
    const last = Math.floor(this.#low + this.#span + TOLERANCE);
    return Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => powerOfTen(first + index));
  }
}

/** Powers of ten do not come out of logarithms exactly. */
const TOLERANCE = 1e-9;

function powerOfTen(exponent: number): number {
  return Number(`1e${exponent}`);
}

/** Powers of ten that enclose all values above 0; a decade around 1 without any. */
export function decadesAround(values: readonly number[]): readonly [number, number] {
  const positive = values.filter((value) => value > 0);
  if (positive.length === 0) return [1, 10];
  const low = Math.floor(Math.log10(Math.min(...positive)) + TOLERANCE);
  const high = Math.ceil(Math.log10(Math.max(...positive)) - TOLERANCE);
  return [powerOfTen(low), powerOfTen(Math.max(high, low + 1))];
}

const PREFIXES = [
  { factor: 1e9, sign: 'G' },
  { factor: 1e6, sign: 'M' },
  { factor: 1e3, sign: 'k' },
  { factor: 1, sign: '' },
  { factor: 1e-3, sign: 'm' },
] as const;

/** A value of an axis with its unit: `10 ms`, `1 GB`, `200 k`. */
export function tickText(value: number, unit: string): string {
  const { factor, sign } = PREFIXES.find((one) => value >= one.factor * (1 - TOLERANCE)) ?? {
    factor: 1,
    sign: '',
  };
  const number = Number((value / factor).toPrecision(3));
  return `${number} ${sign}${unit}`.trim();
}
