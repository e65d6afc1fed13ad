import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { DEFAULT_POSTURE, type Evidence, levelOfRisk, SecurityPosture } from '../../src/adapt/security-posture.js';

test('predicted risk alone leads to 1, and to 2 where the client can answer; never to 3', () => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 50 }), fc.boolean(), (risks, can) => {
      const posture = new SecurityPosture();
      risks.forEach((risk, second) => {
        posture.update(risk, can, second);
        assert.ok(posture.level <= (can ? 2 : 1));
      });
    }),
  );
  assert.deepEqual([levelOfRisk(1, true), levelOfRisk(1, false), levelOfRisk(0.5, true)], [2, 1, 0]);
});

test('up at once, down by itself when what led there has passed, and not before its time', () => {
  const posture = new SecurityPosture();
  assert.equal(posture.update(0.8, false, 0), true);
  assert.equal(posture.level, 1);
  assert.match(posture.reason, /predicted risk 0.80/);
  assert.equal(posture.update(0, false, 5), false, 'a level stays for a while');
  assert.equal(posture.update(0.6, false, 11), false, 'just below is not below: hysteresis');
  assert.equal(posture.update(0.1, false, 12), true);
  assert.equal(posture.level, 0);
  assert.match(posture.reason, /has passed/);
});

test('counted evidence leads to 3, whoever says what, and fades', () => {
  const posture = new SecurityPosture();
  for (let i = 0; i < 3; i++) posture.note('challenge-failed', i);
  posture.update(0, true, 3);
  assert.equal(posture.level, 3);
  assert.match(posture.reason, /challenge-failed/);
  for (let second = 4; second < 400; second++) posture.update(0, true, second);
  assert.equal(posture.level, 0, 'nobody is locked out for good');
});

test('a client that passed is not asked again for its predicted risk, and comes down at once', () => {
  const posture = new SecurityPosture();
  posture.update(0.95, true, 0);
  assert.equal(posture.level, 2);
  posture.passed(1);
  assert.equal(posture.update(0.95, true, 1), true);
  assert.equal(posture.level, 1);
  posture.update(0.95, true, DEFAULT_POSTURE.trust + 2);
  assert.equal(posture.level, 2, 'trust ends');
});

test('evidence after a passed challenge counts all the same', () => {
  const posture = new SecurityPosture();
  posture.passed(0);
  const kinds: Evidence[] = ['malformed', 'auth-failed', 'challenge-failed', 'challenge-failed', 'challenge-failed'];
  for (const kind of kinds) posture.note(kind, 1);
  posture.update(0, true, 1);
  assert.equal(posture.level, 3);
});
