import { ConfigError, formatConfigProblem } from "@carillon/service";

/** The ConfigError that `load` rejects with. Fails the test when it does anything else. */
export async function refusalOf(load: Promise<unknown>): Promise<ConfigError> {
  try {
    await load;
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error("the configuration was accepted");
}

/** Every problem of the ConfigError that `load` rejects with, as lines. */
export async function problemsOf(load: Promise<unknown>): Promise<readonly string[]> {
  const { problems } = await refusalOf(load);
  return problems.map(formatConfigProblem);
}
