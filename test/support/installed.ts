/** Whether an optional peer is there; tests that need it skip without it. */
export function isInstalled(name: string): Promise<boolean> {
  return import(/* @vite-ignore */ name).then(
    () => true,
    () => false,
  );
}
