export function fit(file: string, source: string): string;
