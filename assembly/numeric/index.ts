// Random Fourier features: cosines of products, eight at a time. Doubles, so that what a regression learned from them is
// the same as plain arithmetic would give, but for the order of sums.

/** Features that are worked out side by side: two a vector, four vectors. */
const LANES: i32 = 8;

// @ts-ignore: decorator
@inline
const TURN: f64 = 1.0 / (2.0 * Math.PI);

/** cos(x) = 1 - 2 sin(x/2)^2, of x within half a turn by Taylor's series to the 13th power: right to 2e-9. */
// @ts-ignore: decorator
@inline
function cosine(x: v128): v128 {
  const turns = f64x2.mul(x, f64x2.splat(TURN));
  const half = f64x2.mul(
    f64x2.splat(Math.PI),
    f64x2.sub(turns, f64x2.floor(f64x2.add(turns, f64x2.splat(0.5)))),
  );
  const s = f64x2.mul(half, half);
  let series = f64x2.sub(f64x2.splat(1), f64x2.mul(s, f64x2.splat(1.0 / 156)));
  series = f64x2.sub(f64x2.splat(1), f64x2.mul(f64x2.mul(s, f64x2.splat(1.0 / 110)), series));
  series = f64x2.sub(f64x2.splat(1), f64x2.mul(f64x2.mul(s, f64x2.splat(1.0 / 72)), series));
  series = f64x2.sub(f64x2.splat(1), f64x2.mul(f64x2.mul(s, f64x2.splat(1.0 / 42)), series));
  series = f64x2.sub(f64x2.splat(1), f64x2.mul(f64x2.mul(s, f64x2.splat(1.0 / 20)), series));
  series = f64x2.sub(f64x2.splat(1), f64x2.mul(f64x2.mul(s, f64x2.splat(1.0 / 6)), series));
  const sine = f64x2.mul(half, series);
  return f64x2.sub(f64x2.splat(1), f64x2.mul(f64x2.splat(2), f64x2.mul(sine, sine)));
}

/**
 * out[k] = cos(phases[k] + sum over i of weights[k][i] row[i]), for `size` features, a multiple of 8. All are f64 at byte
 * addresses; the weights of eight features stand together, input by input.
 */
export function features(row: usize, inputs: i32, weights: usize, phases: usize, out: usize, size: i32): void {
  let at = weights;
  for (let k = 0; k < size; k += LANES) {
    const offset = <usize>k << 3;
    let a = v128.load(phases + offset);
    let b = v128.load(phases + offset, 16);
    let c = v128.load(phases + offset, 32);
    let d = v128.load(phases + offset, 48);
    for (let i = 0; i < inputs; i++) {
      const x = v128.load64_splat(row + (<usize>i << 3));
      a = f64x2.add(a, f64x2.mul(x, v128.load(at)));
      b = f64x2.add(b, f64x2.mul(x, v128.load(at, 16)));
      c = f64x2.add(c, f64x2.mul(x, v128.load(at, 32)));
      d = f64x2.add(d, f64x2.mul(x, v128.load(at, 48)));
      at += 64;
    }
    v128.store(out + offset, cosine(a));
    v128.store(out + offset, cosine(b), 16);
    v128.store(out + offset, cosine(c), 32);
    v128.store(out + offset, cosine(d), 48);
  }
}
