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
        Some(Fitting { options, format, maximum, encodes: 0, fits: None, exceeds: None })
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
            self.exceeds = Some((quality, len));
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
    /// a straight line over that of the coarseness.
    fn guess(&self) -> u8 {
        let Some((exceeding, too_long)) = self.exceeds else { return 100 };
        let (coarse, long) = (coarseness(exceeding).ln(), (too_long as f64).ln());
        let slope = match &self.fits {
            Some((quality, len, _)) if *len < too_long => {
                let (fine, short) = (coarseness(*quality).ln(), (*len as f64).ln());
                (short - long) / (fine - coarse)
            }
            _ => TYPICAL_SLOPE,
        };
        // A little less than what is allowed, as there is more below than above.
        let wanted = (self.maximum.max(1) as f64).ln() - SLACK;
        let guessed = (coarse + (wanted - long) / slope).exp();
        let quality = (1..=100u8).find(|&quality| coarseness(quality) <= guessed);
        quality.unwrap_or(100)
    }
}

/// Of photographs between qualities of 40 and 90.
const TYPICAL_SLOPE: f64 = -0.65;
const SLACK: f64 = 0.01;

/// How libjpeg scales its steps of quantization. Half a percent is what quality 100 leaves.
fn coarseness(quality: u8) -> f64 {
    let quality = f64::from(quality);
    if quality < 50.0 { 5_000.0 / quality } else { (200.0 - quality * 2.0).max(0.5) }
}
