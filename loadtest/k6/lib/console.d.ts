/** What k6 has of the console. */
declare const console: { warn(text: string): void };
