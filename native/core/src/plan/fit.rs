//! The size of the output, and what part of the picture it shows.

use crate::limits::Limit;
use crate::{Error, Fit, Limits, Output, Position};

/// An output's size, and the part of the picture that becomes it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Fitted {
    pub size: (u32, u32),
    /// The part's width and height.
    pub part: (f64, f64),
    /// How much of the picture is left of the part, and how much is above it.
    pub before: (f64, f64),
    /// What is looked at of the picture: nothing else shows.
    pub within: Area,
    /// The size of what is kept of it in the end, where its pixels decide what that is.
    pub kept: Option<(u32, u32)>,
    /// What it lies on, where that is larger.
    pub canvas: Option<Canvas>,
}

/// A box, and where in it the picture begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Canvas {
    pub size: (u32, u32),
    pub left: u32,
    pub top: u32,
}

/// A part of the picture as shown, from which everything else is left out: all of it, or what is
/// within its borders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Area {
    pub left: u32,
    pub top: u32,
    pub width: u32,
    pub height: u32,
}

impl Area {
    pub(crate) fn whole((width, height): (u32, u32)) -> Area {
        Area { left: 0, top: 0, width, height }
    }
}

impl Fitted {
    fn whole(source: (u32, u32), size: (u32, u32)) -> Fitted {
        let part = (source.0.into(), source.1.into());
        let within = Area::whole(source);
        Fitted { size, part, before: (0.0, 0.0), within, kept: None, canvas: None }
    }

    /// The size of the output.
    pub(super) fn output(&self) -> (u32, u32) {
        self.canvas.map_or(self.kept.unwrap_or(self.size), |canvas| canvas.size)
    }
}

/// Everything is as shown.
pub(super) fn fit(area: Area, output: &Output, limits: &Limits) -> Result<Fitted, Error> {
    let Area { left, top, width, height } = area;
    let fitted = fit_whole((width, height), output, limits)?;
    let before = (fitted.before.0 + f64::from(left), fitted.before.1 + f64::from(top));
    Ok(Fitted { before, within: area, ..fitted })
}

fn fit_whole(source: (u32, u32), output: &Output, limits: &Limits) -> Result<Fitted, Error> {
    let (width, height) = (f64::from(source.0), f64::from(source.1));
    let whole = |size| Fitted::whole(source, size);
    let most = if output.enlarge { f64::INFINITY } else { 1.0 };
    let scaled = |scale: f64| -> Result<(u32, u32), Error> {
        let side = |side: f64| (side * scale).round().max(1.0);
        let pixels = side(width) * side(height);
        // Checked in floats: a free side can overflow u32.
        Limit::MaxPixels.check(pixels as u64, limits.max_pixels)?;
        Ok((side(width) as u32, side(height) as u32))
    };
    let (w, h) = match (output.width, output.height) {
        (None, None) => return Ok(whole(source)),
        (Some(w), None) => return Ok(whole(scaled((f64::from(w) / width).min(most))?)),
        (None, Some(h)) => return Ok(whole(scaled((f64::from(h) / height).min(most))?)),
        (Some(w), Some(h)) => (w, h),
    };
    let (across, down) = (f64::from(w) / width, f64::from(h) / height);
    Ok(match output.fit {
        Fit::Contain => whole(scaled(across.min(down).min(most))?),
        Fit::Fill if output.enlarge => whole((w, h)),
        Fit::Fill => whole((w.min(source.0), h.min(source.1))),
        Fit::Outside => whole(scaled(across.max(down).min(most))?),
        Fit::Pad => {
            let fitted = whole(scaled(across.min(down).min(most))?);
            Fitted { canvas: canvas((w, h), fitted.size, output.position), ..fitted }
        }
        Fit::Cover => {
            let scale = across.max(down).min(most);
            // Without enlarging, a box larger than the picture on one side keeps the picture's.
            let visible = |side: u32, of: f64| {
                let full = (of * scale).round().max(1.0);
                if f64::from(side) >= full { full as u32 } else { side }
            };
            let size =
                if output.enlarge { (w, h) } else { (visible(w, width), visible(h, height)) };
            let Position::Point(x, y) = output.position else {
                let fitted = whole(scaled(scale)?);
                return Ok(Fitted { kept: (fitted.size != size).then_some(size), ..fitted });
            };
            let part = |side: u32, of: f64| (f64::from(side) / scale).min(of);
            let part = (part(size.0, width), part(size.1, height));
            let copies = scale == 1.0;
            let before = (before(width, part.0, x, copies), before(height, part.1, y, copies));
            Fitted { part, before, ..whole(size) }
        }
    })
}

/// The box around a picture that is smaller. Of what is left of a side, the point's fraction comes
/// before the picture: what CSS does with `object-position`. Where that is half a pixel, it is left
/// out, as by libvips and sharp.
fn canvas(size: (u32, u32), inner: (u32, u32), position: Position) -> Option<Canvas> {
    let (x, y) = position.point();
    let before = |side: u32, inner: u32, at: f64| {
        (f64::from(side.saturating_sub(inner)) * at - 0.5).ceil() as u32
    };
    let (left, top) = (before(size.0, inner.0, x), before(size.1, inner.1, y));
    (size != inner).then_some(Canvas { size, left, top })
}

/// How much of a side lies before a part that has the point `at` in its middle, as far as the ends
/// allow.
fn before(side: f64, part: f64, at: f64, copies: bool) -> f64 {
    let before = (side * at - part / 2.0).min(side - part).max(0.0);
    // Where pixels are only copied, the point is not worth new ones from in between.
    if copies { before.round() } else { before }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn covered(source: (u32, u32), size: (u32, u32), position: Position) -> Fitted {
        let (width, height) = (Some(size.0), Some(size.1));
        let output = Output { width, height, fit: Fit::Cover, position, ..Output::default() };
        let whole = Area::whole(source);
        fit(whole, &output, &Limits::default()).unwrap_or(Fitted::whole((0, 0), (0, 0)))
    }

    /// To the last bit, but for half a pixel where none is scaled.
    #[test]
    fn the_middle_leaves_as_much_on_both_sides() {
        for source in [(640, 427), (427, 640), (1, 30_000), (7, 7), (99_991, 3), (1_201, 977)] {
            for size in [(200, 200), (3, 1), (1, 3), (31, 77), (640, 100), (13, 5)] {
                let Fitted { size: made, part, before, .. } =
                    covered(source, size, Position::default());
                let copies = part == (made.0.into(), made.1.into());
                let middle = |side: u32, part: f64| (f64::from(side) - part) / 2.0;
                let middle = (middle(source.0, part.0), middle(source.1, part.1));
                let expected = if copies { (middle.0.round(), middle.1.round()) } else { middle };
                assert_eq!(before, expected, "{source:?} {size:?}");
            }
        }
    }

    #[test]
    fn a_point_is_in_the_middle_as_far_as_the_ends_allow() {
        let left = |at| covered((1_000, 100), (50, 50), Position::Point(at, 0.5)).before.0;
        for (at, expected) in [
            (0.0, 0.0),
            (0.05, 0.0),
            (0.0625, 12.5),
            (0.25, 200.0),
            (0.5, 450.0),
            (0.75, 700.0),
            (0.95, 900.0),
            (1.0, 900.0),
        ] {
            assert_eq!(left(at), expected, "{at}");
        }
        // Whole pixels where they are copied, as sharp rounds them.
        let left = |at| covered((1_001, 100), (100, 100), Position::Point(at, 0.5)).before.0;
        for (at, expected) in [(0.0, 0.0), (0.3333, 284.0), (0.5, 451.0), (0.501, 452.0)] {
            assert_eq!(left(at), expected, "{at}");
        }
    }
}
