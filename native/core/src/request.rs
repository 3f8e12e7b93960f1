//! What a caller asks for.

use bytes::Bytes;
use image::metadata::Orientation;

use crate::operation::Operation;
use crate::{Depth, EncodeOptions, Filter, Format, Info, Keep, Layout, Limits, Placeholder};

/// How the picture meets the box that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Fit {
    /// All of the picture, inside the box, proportions kept.
    #[default]
    Contain,
    /// All of the box, the picture cropped at a [`Position`], proportions kept.
    Cover,
    /// Exactly the box, proportions given up.
    Fill,
    /// All of the picture inside the box, proportions kept, and bars for the rest of the box.
    Pad,
    /// All of the picture, no smaller than the box on either side, proportions kept.
    Outside,
}

/// Which part of the picture is kept where some is cut off.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Position {
    /// The part in whose middle this point is, as far as the picture's edges allow. Fractions of
    /// the width and the height of the upright picture, from 0 to 1.
    Point(f64, f64),
    /// The part that somebody would look at first: edges, saturated colors and skin.
    Attention,
    /// The part whose histogram has the highest entropy.
    Entropy,
}

impl Position {
    /// The place that it names before a pixel is seen.
    pub(crate) fn point(self) -> (f64, f64) {
        match self {
            Position::Point(x, y) => (x, y),
            Position::Attention | Position::Entropy => (0.5, 0.5),
        }
    }
}

impl Default for Position {
    fn default() -> Self {
        Position::Point(0.5, 0.5)
    }
}

/// Red, green, blue and alpha, sRGB-encoded, colors not multiplied by alpha.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Color(pub [u8; 4]);

impl Color {
    pub const WHITE: Color = Color([255; 4]);
    pub const CLEAR: Color = Color([0; 4]);

    pub(crate) fn is_opaque(self) -> bool {
        self.0[3] == 255
    }

    pub(crate) fn is_gray(self) -> bool {
        let Color([red, green, blue, _]) = self;
        red == green && green == blue
    }
}

/// What becomes of colors that are not sRGB's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OutputColor {
    /// They are converted.
    #[default]
    Srgb,
    /// They stay what they are, and their profile goes along, where the format has a place for it.
    Keep,
}

/// Where work runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheduler {
    /// Where nothing may hold the thread: in pieces of a fraction of a millisecond.
    Normal,
    /// Where blocking is allowed.
    Dirty,
}

/// What is done about a picture that was cut off or is damaged, where the decoder can go on:
/// JPEG's and TIFF's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnDamage {
    /// The picture is refused.
    #[default]
    Error,
    /// What is missing is gray.
    Gray,
}

/// One or several pictures, to be made of one source.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    pub outputs: Vec<Output>,
    /// Whether the picture is turned upright as its orientation says.
    pub autorotate: bool,
    /// Set where borders are cut off first: by how much a sample of 8 bits has to differ from the
    /// border's to be none of it.
    pub trim: Option<f32>,
    pub on_damage: OnDamage,
    pub limits: Limits,
    /// Native bytes that may be held at a time, the input aside.
    pub max_memory: u64,
    pub run: Run,
}

/// One thumbnail. Sizes are pixels of the upright picture.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Output {
    /// `None` leaves the side free: the other one and the proportions decide.
    pub width: Option<u32>,
    pub height: Option<u32>,
    pub fit: Fit,
    pub position: Position,
    pub enlarge: bool,
    /// What shows behind the picture and beside it. `None` keeps alpha where the format has it,
    /// and is white where it has none.
    pub background: Option<Color>,
    /// Whether it is resampled in linear light.
    pub linear: bool,
    /// `None` keeps the source's format where it can be written.
    pub format: Option<Format>,
    pub options: EncodeOptions,
    pub color: OutputColor,
    pub filter: Filter,
    /// What is done to the thumbnail, or to the whole picture where both sides are free.
    pub steps: Vec<Operation>,
    /// What goes along of the source's metadata, where the format has a place for it.
    pub metadata: Keep,
    /// Set where it is no picture, but this. Format and options have no say then.
    pub placeholder: Option<Placeholder>,
    /// Set where it is no picture, but a comparison. Format and quality have no say then.
    pub comparison: Option<Comparison>,
    /// The same for samples as they are.
    pub pixels: Option<Pixels>,
}

/// How samples are wanted: as the picture has them, where nothing is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pixels {
    /// 1 gray, 2 gray and alpha, 3 RGB, 4 RGBA.
    pub channels: Option<u8>,
    pub depth: Option<Depth>,
}

impl Pixels {
    pub(crate) fn layout(self, source: Layout) -> Layout {
        let gray = if source.is_gray() { 1 } else { 3 };
        let channels = gray + u8::from(source.has_alpha());
        Layout::new(self.channels.unwrap_or(channels), self.depth.unwrap_or(source.depth))
    }
}

/// A picture as pixels of RGB with 8 bits, alpha on white, and how it compares to another.
#[derive(Debug, Clone, PartialEq)]
pub enum Comparison {
    /// The pixels, to be compared with.
    Reference,
    /// How another picture differs from these.
    With(Reference),
}

/// The pixels of a picture: RGB with 8 bits, row after row.
#[derive(Debug, Clone, PartialEq)]
pub struct Reference {
    pub width: u32,
    pub height: u32,
    pub pixels: Bytes,
}

/// Where the work is to run.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// `None` leaves it to the plan. On a normal scheduler, pieces that cannot be cut go to a dirty
    /// one all the same.
    pub scheduler: Option<Scheduler>,
    /// The estimated cost in microseconds above which the plan takes a dirty scheduler. By default
    /// there is none: yielding is kinder to others at any length.
    pub yield_limit: u64,
    /// The same for pictures that several threads decode in less time than one, counting decoding
    /// alone. `u64::MAX` where there are no threads to spare.
    pub share_limit: u64,
}

impl Output {
    /// What shows in the end behind what is clear. A resize that comes last is all of a thumbnail.
    pub(crate) fn background_in_the_end(&self) -> Option<Color> {
        self.background.or(match self.steps.last() {
            Some(Operation::Resize(last)) => last.background,
            _ => None,
        })
    }
}

impl Request {
    /// The header of a picture as it is to be shown.
    pub(crate) fn shown(&self, info: &Info) -> Info {
        let mut info = info.clone();
        if !self.autorotate {
            info.orientation = Orientation::NoTransforms;
        }
        info
    }
}

impl Default for Request {
    fn default() -> Self {
        Request {
            outputs: vec![Output::default()],
            autorotate: true,
            trim: None,
            on_damage: OnDamage::default(),
            limits: Limits::default(),
            max_memory: 512 << 20,
            run: Run::default(),
        }
    }
}

impl From<Output> for Request {
    fn from(output: Output) -> Self {
        Request { outputs: vec![output], ..Request::default() }
    }
}

/// Decoding that several threads share goes to a dirty scheduler from this on, as long as there are
/// two schedulers for each thumbnail in progress: it is there sooner, and nobody else wants the
/// cores.
///
/// Photographs to 100 and 200 pixels on two cores, medians of 41 by turns: with 1.3 ms of decoding
/// estimated, the dirty scheduler took 1.2 times as long as the normal one, with 1.9 ms as long,
/// with 2.3 ms 0.9 times, from 3.3 ms on 0.7 to 0.9 times.
const SHARE_LIMIT_MICROS: u64 = 2_000;

impl Default for Run {
    fn default() -> Self {
        Run { scheduler: None, yield_limit: u64::MAX, share_limit: SHARE_LIMIT_MICROS }
    }
}
