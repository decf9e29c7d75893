/** Attributes of an element. */
export type Attributes = Readonly<Record<string, string | number>>;

/** An element of SVG as text; text inside is to come from {@link escaped}. */
export function element(name: string, attributes: Attributes, ...inside: readonly string[]): string {
  const list = Object.entries(attributes).map(([key, value]) => ` ${key}="${attributeText(value)}"`);
  const head = `<${name}${list.join('')}`;
  return inside.length === 0 ? `${head}/>` : `${head}>${inside.join('')}</${name}>`;
}

/** Text as it may stand between tags. */
export function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

/** Tenths of a pixel are fine enough. */
function attributeText(value: string | number): string {
  if (typeof value === 'number') return String(Math.round(value * 10) / 10);
  return escaped(value).replaceAll('"', '&quot;');
}

/** A line of text. */
export function label(x: number, y: number, text: string, attributes: Attributes = {}): string {
  return element('text', { x, y, ...attributes }, escaped(text));
}
