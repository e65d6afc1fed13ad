import { z } from 'zod';

/** How clients are known. */
export const identitySchema = z
  .strictObject({
    jwt: z
      .strictObject({
        keys: z.string().min(1).describe('JWKS file, public key or certificate as PEM, or https address of a JWKS'),
        audience: z.string().min(1),
        issuer: z.string().min(1).optional(),
        clockTolerance: z.number().min(0).max(600).default(5).describe('s that clocks may differ by'),
        once: z.boolean().default(false).describe('a token opens one session'),
        required: z.boolean().default(false).describe('sessions without a valid one are refused'),
      })
      .optional(),
    hook: z.string().min(1).optional().describe('module whose default export says who a client is, or null'),
    anonymous: z.boolean().default(true).describe('clients with a control stream get a token to be known again by'),
    tokenDays: z.int().min(1).max(3650).default(400).describe('days for which such a token is good'),
  })
  .prefault({});
