import type { Random } from '../../bench/load/random.ts';

const HEADER_SIZE = 19;
const UPDATE = 2;
const EXTENDED_LENGTH = 0x10;
/** Longest message that is made, so that a run of many stays short; RFC 8654 allows more. */
const LONGEST = 6000;

/** Values at which lengths, counts and types often break. */
const EDGES = [0, 1, 2, 3, 4, 5, 8, 16, 20, 24, 31, 32, 33, 64, 127, 128, 129, 254, 255];

type Mutation = (message: number[], random: Random, other: Uint8Array) => void;

/** Where the attributes of an UPDATE are, if it can be told. */
interface Attributes {
  /** Place of the two octets of their total length. */
  readonly lengthAt: number;
  readonly start: number;
  readonly end: number;
  /** Start of each attribute. */
  readonly starts: readonly number[];
}

function attributesOf(message: ArrayLike<number>): Attributes | undefined {
  if (message[18] !== UPDATE || message.length < HEADER_SIZE + 4) return undefined;
  const withdrawn = u16(message, HEADER_SIZE);
  const lengthAt = HEADER_SIZE + 2 + withdrawn;
  if (lengthAt + 2 > message.length) return undefined;
  const start = lengthAt + 2;
  const end = Math.min(message.length, start + u16(message, lengthAt));
  const starts: number[] = [];
  for (let at = start; at + 3 <= end; at = attributeEnd(message, at)) starts.push(at);
  return { lengthAt, start, end, starts };
}

function u16(bytes: ArrayLike<number>, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
}

function attributeEnd(bytes: ArrayLike<number>, at: number): number {
  const long = ((bytes[at] ?? 0) & EXTENDED_LENGTH) !== 0;
  return long ? at + 4 + u16(bytes, at + 2) : at + 3 + (bytes[at + 2] ?? 0);
}

/** Sets the lengths of the attributes as a whole and of the message to what is there. */
function repair(message: number[], attributes: Attributes | undefined, grownBy: number): void {
  if (attributes) {
    const length = Math.max(0, u16(message, attributes.lengthAt) + grownBy);
    message[attributes.lengthAt] = (length >> 8) & 0xff;
    message[attributes.lengthAt + 1] = length & 0xff;
  }
  message[16] = (message.length >> 8) & 0xff;
  message[17] = message.length & 0xff;
}

const changeOctet: Mutation = (message, random) => {
  message[random.below(message.length)] = random.below(256);
};

const flipBit: Mutation = (message, random) => {
  const at = random.below(message.length);
  message[at] = (message[at] as number) ^ (1 << random.below(8));
};

const setEdge: Mutation = (message, random) => {
  const at = HEADER_SIZE + random.below(Math.max(1, message.length - HEADER_SIZE));
  if (at < message.length) message[at] = EDGES[random.below(EDGES.length)] as number;
};

const insertOctets: Mutation = (message, random) => {
  const octets = Array.from({ length: 1 + random.below(8) }, () => random.below(256));
  message.splice(HEADER_SIZE + random.below(Math.max(1, message.length - HEADER_SIZE)), 0, ...octets);
};

const removeOctets: Mutation = (message, random) => {
  message.splice(HEADER_SIZE + random.below(Math.max(1, message.length - HEADER_SIZE)), 1 + random.below(8));
};

const truncate: Mutation = (message, random) => {
  message.length = HEADER_SIZE + random.below(Math.max(1, message.length - HEADER_SIZE));
};

/** The start of one message and the end of another. */
const splice: Mutation = (message, random, other) => {
  const at = HEADER_SIZE + random.below(Math.max(1, message.length - HEADER_SIZE));
  const from = Math.min(other.length, HEADER_SIZE + random.below(Math.max(1, other.length - HEADER_SIZE)));
  message.splice(at, message.length - at, ...other.subarray(from));
};

const changeAttributeHeader: Mutation = (message, random) => {
  const attributes = attributesOf(message);
  if (!attributes || attributes.starts.length === 0) return;
  const at = attributes.starts[random.below(attributes.starts.length)] as number;
  const field = random.below(3);
  if (field === 0) message[at] = (message[at] as number) ^ (0x10 << random.below(4));
  else if (field === 1) message[at + 1] = random.below(40);
  else message[at + 2] = EDGES[random.below(EDGES.length)] as number;
};

const removeAttribute: Mutation = (message, random) => {
  const attributes = attributesOf(message);
  if (!attributes || attributes.starts.length === 0) return;
  const at = attributes.starts[random.below(attributes.starts.length)] as number;
  const size = Math.min(attributeEnd(message, at), attributes.end) - at;
  message.splice(at, size);
  repair(message, attributes, -size);
};

/** An attribute of this or of another message once more, at some place among the others. */
const addAttribute: Mutation = (message, random, other) => {
  const attributes = attributesOf(message);
  const source = random.below(3) === 0 ? message : other;
  const from = attributesOf(source);
  if (!attributes || !from || from.starts.length === 0) return;
  const start = from.starts[random.below(from.starts.length)] as number;
  const octets = Array.from(source).slice(start, Math.min(attributeEnd(source, start), from.end));
  const places = [...attributes.starts, attributes.end];
  message.splice(places[random.below(places.length)] as number, 0, ...octets);
  repair(message, attributes, octets.length);
};

/** Octets in the value of an attribute become more or fewer, with all lengths right. */
const resizeAttribute: Mutation = (message, random) => {
  const attributes = attributesOf(message);
  if (!attributes || attributes.starts.length === 0) return;
  const at = attributes.starts[random.below(attributes.starts.length)] as number;
  const long = ((message[at] as number) & EXTENDED_LENGTH) !== 0;
  const value = at + (long ? 4 : 3);
  const end = Math.min(attributeEnd(message, at), attributes.end);
  if (value > end) return;
  const size = end - value;
  const change = random.below(2) === 0 ? 1 + random.below(4) : -Math.min(size, 1 + random.below(4));
  const place = value + random.below(size + 1);
  if (change > 0) message.splice(place, 0, ...Array.from({ length: change }, () => random.below(256)));
  else message.splice(Math.min(place, end + change), -change);
  const length = size + change;
  if (long) message[at + 2] = (length >> 8) & 0xff;
  message[at + (long ? 3 : 2)] = length & 0xff;
  repair(message, attributes, change);
};

const MUTATIONS: readonly Mutation[] = [
  changeOctet,
  flipBit,
  setEdge,
  setEdge,
  insertOctets,
  removeOctets,
  truncate,
  splice,
  changeAttributeHeader,
  changeAttributeHeader,
  removeAttribute,
  addAttribute,
  addAttribute,
  resizeAttribute,
  resizeAttribute,
];

/** A message with one to four changes, most often with a length that fits again. `other` lends parts. */
export function mutate(message: Uint8Array, other: Uint8Array, random: Random): Uint8Array {
  const octets = Array.from(message);
  for (let changes = 1 + random.below(4); changes > 0; changes--) {
    (MUTATIONS[random.below(MUTATIONS.length)] as Mutation)(octets, random, other);
  }
  if (octets.length > LONGEST) octets.length = LONGEST;
  while (octets.length < HEADER_SIZE) octets.push(0xff);
  if (random.below(16) !== 0) repair(octets, undefined, 0);
  return Uint8Array.from(octets);
}
