/** Squarified treemap (Bruls, Huizing, van Wijk, 2000): areas as values say, as near to squares as rows allow. */

export interface Tile<T> {
  readonly data: T;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** Tiles for `items` in a box, largest first. Items of value 0 get none. */
export function treemap<T>(items: readonly T[], sizeOf: (item: T) => number, box: Box): Tile<T>[] {
  const sorted = items.filter((item) => sizeOf(item) > 0).sort((a, b) => sizeOf(b) - sizeOf(a));
  const total = sorted.reduce((sum, item) => sum + sizeOf(item), 0);
  const scale = (box.width * box.height) / total;
  const tiles: Tile<T>[] = [];
  let rest = box;
  for (let at = 0; at < sorted.length; ) {
    const side = Math.min(rest.width, rest.height);
    const row = rowFrom(sorted, at, (item) => sizeOf(item) * scale, side);
    rest = placeRow(row, (item) => sizeOf(item) * scale, rest, tiles);
    at += row.length;
  }
  return tiles;
}

/** As many items as still make the row's worst tile squarer. */
function rowFrom<T>(items: readonly T[], at: number, area: (item: T) => number, side: number): T[] {
  const row = [items[at]!];
  let sum = area(items[at]!);
  const largest = sum;
  for (let i = at + 1; i < items.length; i++) {
    const next = area(items[i]!);
    if (worst(largest, next, sum + next, side) > worst(largest, area(row.at(-1)!), sum, side)) break;
    row.push(items[i]!);
    sum += next;
  }
  return row;
}

function worst(largest: number, smallest: number, sum: number, side: number): number {
  return Math.max((side * side * largest) / (sum * sum), (sum * sum) / (side * side * smallest));
}

function placeRow<T>(row: readonly T[], area: (item: T) => number, box: Box, tiles: Tile<T>[]): Box {
  const sum = row.reduce((total, item) => total + area(item), 0);
  const upright = box.width >= box.height;
  const thickness = sum / (upright ? box.height : box.width);
  let along = upright ? box.y : box.x;
  for (const data of row) {
    const length = area(data) / thickness;
    tiles.push(
      upright
        ? { data, x: box.x, y: along, width: thickness, height: length }
        : { data, x: along, y: box.y, width: length, height: thickness },
    );
    along += length;
  }
  return upright
    ? { ...box, x: box.x + thickness, width: box.width - thickness }
    : { ...box, y: box.y + thickness, height: box.height - thickness };
}
