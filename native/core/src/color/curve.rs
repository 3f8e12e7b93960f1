//! The curves of ICC profiles (ICC.1:2022, 10.6 and 10.18), as far as it takes to trust one, and to
//! know sRGB's.

/// Of its bytes in the file.
#[derive(Debug, Clone, Copy)]
pub(super) enum Curve<'a> {
    Identity,
    Gamma(f32),
    /// Big-endian, from 0 to 65,535. Two at least.
    Table(&'a [[u8; 2]]),
    /// The function's number, and its parameters in the order g, a, b, c, d, e, f.
    Parametric(u8, [f32; 7]),
}

/// No profile has more in one curve, and nobody could tell.
const MAX_ENTRIES: usize = 1 << 15;

/// A gamma or a slope beyond this is no picture's.
const MAX_PARAMETER: f32 = 200.0;

/// What some profiles of Monaco's have for `curv`.
const MONACO: [u8; 4] = [0x94, 0x78, 0xEE, 0x00];

/// How many parameters the functions have.
const PARAMETERS: [usize; 5] = [1, 3, 4, 5, 7];

impl<'a> Curve<'a> {
    /// Reads one, and says how long it is.
    pub(super) fn read(tag: &'a [u8]) -> Option<(Curve<'a>, usize)> {
        let (kind, rest) = tag.split_first_chunk::<4>()?;
        match kind {
            b"curv" | &MONACO => Curve::sampled(rest.get(4..)?),
            b"para" => Curve::parametric(rest.get(4..)?),
            _ => None,
        }
    }

    fn sampled(bytes: &'a [u8]) -> Option<(Curve<'a>, usize)> {
        let (&count, rest) = bytes.split_first_chunk()?;
        let count = u32::from_be_bytes(count) as usize;
        if count > MAX_ENTRIES {
            return None;
        }
        let (entries, _) = rest.get(..count * 2)?.as_chunks();
        let curve = match entries {
            [] => Curve::Identity,
            [gamma] => Curve::Gamma(f32::from(u16::from_be_bytes(*gamma)) / 256.0),
            _ => Curve::Table(entries),
        };
        let is_sane = !matches!(curve, Curve::Gamma(gamma) if gamma < 1.0 / 32.0);
        is_sane.then_some((curve, 12 + count * 2))
    }

    fn parametric(bytes: &'a [u8]) -> Option<(Curve<'a>, usize)> {
        let &[0, function, _, _, ref rest @ ..] = bytes else { return None };
        let count = *PARAMETERS.get(usize::from(function))?;
        let (read, _) = rest.get(..count * 4)?.as_chunks();
        let mut parameters = [0.0; 7];
        for (parameter, &bytes) in parameters.iter_mut().zip(read) {
            *parameter = fixed(bytes);
        }
        let [g, a, ..] = parameters;
        let is_sane = g > 1.0 / 32.0
            && parameters.iter().all(|parameter| parameter.abs() < MAX_PARAMETER)
            && (function == 0 || a > 1e-3);
        is_sane.then_some((Curve::Parametric(function, parameters), 12 + count * 4))
    }

    /// Its value at `x`, both from 0 to 1.
    pub(super) fn at(&self, x: f32) -> f32 {
        match *self {
            Curve::Identity => x,
            Curve::Gamma(gamma) => x.powf(gamma),
            Curve::Table(entries) => {
                let at = x.clamp(0.0, 1.0) * (entries.len() - 1) as f32;
                let entry = |index: usize| {
                    let &entry = entries.get(index).or(entries.last()).unwrap_or(&[0; 2]);
                    f32::from(u16::from_be_bytes(entry)) / 65_535.0
                };
                let (low, high) = (entry(at as usize), entry(at as usize + 1));
                low + (high - low) * at.fract()
            }
            Curve::Parametric(function, [g, a, b, c, d, e, f]) => {
                let power = |offset: f32| (a * x + b).max(0.0).powf(g) + offset;
                match function {
                    0 => x.powf(g),
                    1 => {
                        if x >= -b / a {
                            power(0.0)
                        } else {
                            0.0
                        }
                    }
                    2 => {
                        if x >= -b / a {
                            power(c)
                        } else {
                            c
                        }
                    }
                    3 => {
                        if x >= d {
                            power(0.0)
                        } else {
                            c * x
                        }
                    }
                    _ => {
                        if x >= d {
                            power(e)
                        } else {
                            c * x + f
                        }
                    }
                }
            }
        }
    }
}

/// An s15Fixed16Number.
pub(super) fn fixed(bytes: [u8; 4]) -> f32 {
    i32::from_be_bytes(bytes) as f32 / 65_536.0
}
