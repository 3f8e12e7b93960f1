//! The size of the output, and what part of the picture it shows.

use crate::limits::Limit;
use crate::{Error, Fit, Limits, Output};

/// The output's size, and the width and height of the centered part of the source that it shows.
pub(super) type Fitted = ((u32, u32), (f64, f64));

pub(super) fn fit(source: (u32, u32), output: &Output, limits: &Limits) -> Result<Fitted, Error> {
    let (width, height) = (f64::from(source.0), f64::from(source.1));
    let whole = (width, height);
    let most = if output.enlarge { f64::INFINITY } else { 1.0 };
    let scaled = |scale: f64| -> Result<(u32, u32), Error> {
        let side = |side: f64| (side * scale).round().max(1.0);
        let pixels = side(width) * side(height);
        // Checked in floats: a free side can overflow u32.
        Limit::MaxPixels.check(pixels as u64, limits.max_pixels)?;
        Ok((side(width) as u32, side(height) as u32))
    };
    let (w, h) = match (output.width, output.height) {
        (None, None) => return Ok((source, whole)),
        (Some(w), None) => return Ok((scaled((f64::from(w) / width).min(most))?, whole)),
        (None, Some(h)) => return Ok((scaled((f64::from(h) / height).min(most))?, whole)),
        (Some(w), Some(h)) => (w, h),
    };
    let (across, down) = (f64::from(w) / width, f64::from(h) / height);
    Ok(match output.fit {
        Fit::Contain => (scaled(across.min(down).min(most))?, whole),
        Fit::Fill if output.enlarge => ((w, h), whole),
        Fit::Fill => ((w.min(source.0), h.min(source.1)), whole),
        Fit::Cover => {
            let scale = across.max(down).min(most);
            // Without enlarging, a box larger than the picture on one side keeps the picture's.
            let visible = |side: u32, of: f64| {
                let full = (of * scale).round().max(1.0);
                if f64::from(side) >= full { full as u32 } else { side }
            };
            let size =
                if output.enlarge { (w, h) } else { (visible(w, width), visible(h, height)) };
            let part = |side: u32, of: f64| (f64::from(side) / scale).min(of);
            (size, (part(size.0, width), part(size.1, height)))
        }
    })
}
