/** The routes of log-in and of one's own account. */
import type { Proof } from "./authority.ts";
import { request } from "./client.ts";
import type * as T from "./types.ts";

const V1 = "/api/v1";
const segment = encodeURIComponent;

export const logIn = (body: T.Login): Promise<T.Tokens> =>
  request(`${V1}/auth/login`, { method: "POST", as: null, body });

export const refresh = (refreshToken: string): Promise<T.Tokens> =>
  request(`${V1}/auth/refresh`, { method: "POST", as: null, body: { refreshToken } });

/** Ends the session of these tokens. The page may be closed at the same time. */
export const logOut = (as: Proof, refreshToken: string): Promise<void> =>
  request(`${V1}/auth/logout`, { method: "POST", as, body: { refreshToken }, keepalive: true });

export const logOutEverywhere = (): Promise<void> =>
  request(`${V1}/auth/logout`, { method: "POST", policy: "write", body: { everywhere: true } });

export const changePassword = (password: string, current: string | null): Promise<T.User> =>
  request(`${V1}/users/me`, {
    method: "PATCH",
    policy: "write",
    body: { password, ...(current === null ? {} : { current_password: current }) },
  });

export const usage = (signal?: AbortSignal): Promise<T.Usage> =>
  request(`${V1}/users/me/usage`, { policy: "me", signal });

export const keys = (signal?: AbortSignal): Promise<T.ApiKey[]> => request(`${V1}/keys`, { policy: "me", signal });

export const createKey = (wanted: T.KeyCreate): Promise<T.CreatedKey> =>
  request(`${V1}/keys`, { method: "POST", policy: "write", body: wanted });

export const rotateKey = (id: string, overlapSeconds: number, as?: Proof): Promise<T.CreatedKey> =>
  request(`${V1}/keys/${segment(id)}/rotate`, {
    method: "POST",
    policy: "write",
    ...(as === undefined ? {} : { as }),
    body: { overlap_seconds: overlapSeconds },
  });

export const revokeKey = (id: string): Promise<void> =>
  request(`${V1}/keys/${segment(id)}`, { method: "DELETE", policy: "write" });
