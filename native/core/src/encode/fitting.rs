//! The best quality whose result has no more than so many bytes.

use super::options::EncodeOptions;
use super::sink::Sink;
use crate::limits::Limit;
use crate::{Error, Format};

pub(super) struct Fitting {
    pub(super) options: EncodeOptions,
    pub(super) format: Format,
    maximum: u64,
    encodes: u32,
    /// The best so far that fits, and the worst that does not.
    fits: Option<(u8, u64, Sink)>,
    exceeds: Option<(u8, u64)>,
    /// The one that did not fit before that.
    exceeded_before: Option<(u8, u64)>,
}

/// What is done about a result.
pub(super) enum Verdict {
    Done(Sink),
    /// Encoded once more, in the quality that the options have now.
    Again,
}

/// How often the same pixels are encoded at most.
const MAX_ENCODES: u32 = 6;

impl Fitting {
    /// `None` where there is nothing to fit.
    pub(super) fn new(format: Format, options: &EncodeOptions) -> Option<Self> {
        let maximum = options.max_bytes?;
        let options = options.clone();
        Some(Fitting {
            options,
            format,
            maximum,
            encodes: 0,
            fits: None,
            exceeds: None,
            exceeded_before: None,
        })
    }

    pub(super) fn judge(&mut self, sink: Sink) -> Result<Verdict, Error> {
        self.encodes += 1;
        let (quality, len) = (self.options.quality, sink.len());
        if len <= self.maximum {
            if self.encodes == 1 {
                return Ok(Verdict::Done(sink));
            }
            self.fits = Some((quality, len, sink));
        } else {
            if quality <= 1 || !matches!(self.format, Format::Jpeg | Format::Avif) {
                Limit::MaxBytes.check(len, self.maximum)?;
            }
            self.exceeded_before = self.exceeds.replace((quality, len));
        }
        let least = self.fits.as_ref().map_or(0, |&(quality, ..)| quality);
        let most = self.exceeds.map_or(100, |(quality, _)| quality);
        if most <= least + 1 || self.encodes == MAX_ENCODES {
            let (.., sink) = self.fits.take().ok_or(Error::Internal)?;
            return Ok(Verdict::Done(sink));
        }
        self.options.quality = if self.encodes == MAX_ENCODES - 1 && self.fits.is_none() {
            1
        } else {
            self.guess().clamp(least + 1, most - 1)
        };
        Ok(Verdict::Again)
    }

    /// Between what fits and what does not, or below the latter: the logarithm of the size is about
    /// a straight line over that of the coarseness. Where that leads nowhere, in steps that are
    /// large enough for the encodes that are left.
    fn guess(&self) -> u8 {
        let Some((exceeding, too_long)) = self.exceeds else { return 100 };
        let fits = self.fits.as_ref().map(|&(quality, len, _)| (quality, len));
        let coarse = coarseness(exceeding).ln();
        let slope = fits.or(self.exceeded_before).and_then(|(quality, len)| {
            let run = coarseness(quality).ln() - coarse;
            let rise = (len as f64 / too_long as f64).ln();
            (run != 0.0 && rise != 0.0).then_some(rise / run)
        });
        // A little less than what is allowed, as there is more below than above.
        let wanted = (self.maximum.max(1) as f64 / too_long as f64).ln() - SLACK;
        let Some((fitting, _)) = fits else {
            let slope =
                slope.map_or(TYPICAL_SLOPE, |slope| slope.clamp(TYPICAL_SLOPE, LEAST_SLOPE));
            let most = f64::from(exceeding) * if self.encodes == 1 { 0.7 } else { 0.5 };
            return quality_of(coarse + wanted / slope).min(most as u8);
        };
        let Some(slope) = slope else { return fitting.midpoint(exceeding) };
        let width = coarseness(fitting).ln() - coarse;
        let step = (wanted / slope).clamp(width * LEAST_STEP, width * (1.0 - LEAST_STEP));
        quality_of(coarse + step)
    }
}

/// Of photographs between qualities of 40 and 90, and the least that is believed of two sizes.
const TYPICAL_SLOPE: f64 = -0.65;
const LEAST_SLOPE: f64 = -0.15;
const SLACK: f64 = 0.01;
/// As a part of what lies between two qualities.
const LEAST_STEP: f64 = 0.1;

/// How libjpeg scales its steps of quantization. Above 96 most steps are 1 already.
fn coarseness(quality: u8) -> f64 {
    let quality = f64::from(quality.min(96));
    if quality < 50.0 { 5_000.0 / quality } else { 200.0 - quality * 2.0 }
}

/// The worst quality that is no coarser.
fn quality_of(coarseness_ln: f64) -> u8 {
    // What the logarithm rounds is no step.
    let most = coarseness_ln.exp() * (1.0 + 1e-7);
    (1..=100).find(|&quality| coarseness(quality) <= most).unwrap_or(100)
}
