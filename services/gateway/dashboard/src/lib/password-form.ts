export interface PasswordDraft {
  current: string;
  password: string;
  repeated: string;
}

export type PasswordProblem = "tooShort" | "tooLong" | "differs";
export type PasswordProblems = Partial<Record<"password" | "repeated", PasswordProblem>>;

const MIN = 10;
const MAX = 128;

/** The rule of the server's, which counts characters rather than UTF-16 units. */
export function passwordProblem(password: string): Exclude<PasswordProblem, "differs"> | null {
  const { length } = [...password];
  return length < MIN ? "tooShort" : length > MAX ? "tooLong" : null;
}

/** What is wrong with a new password; nothing when it may be sent. */
export function passwordProblems({ password, repeated }: PasswordDraft): PasswordProblems {
  const problem = passwordProblem(password);
  if (problem !== null) return { password: problem };
  return password === repeated ? {} : { repeated: "differs" };
}
