export const BYTES: number;
export const BATCH: number;
export function markOf(number: number): Buffer;
export function placeOf(number: number): number;
export function documentOf(number: number): Buffer;
