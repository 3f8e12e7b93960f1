use crate::{Format, Limits};

/// How the picture meets the box that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Fit {
    /// All of the picture, inside the box, proportions kept.
    #[default]
    Contain,
    /// All of the box, the picture cropped around its center, proportions kept.
    Cover,
    /// Exactly the box, proportions given up.
    Fill,
}

/// The kernel of the last resampling step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Filter {
    Nearest,
    Box,
    Bilinear,
    Hamming,
    CatmullRom,
    Mitchell,
    Gaussian,
    #[default]
    Lanczos3,
}

/// Where the caller wants the work to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Scheduler {
    /// The plan decides by its estimated cost.
    #[default]
    Auto,
    /// On the yielding road; only pieces that cannot be cut leave it.
    Normal,
    /// On the dirty road from the first step.
    Dirty,
}

/// What is done about a picture that was cut off or is damaged, where the decoder can go on:
/// JPEG's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnDamage {
    /// The picture is refused.
    #[default]
    Error,
    /// What is missing is gray.
    Gray,
}

/// One thumbnail, as asked for. Sizes are pixels of the upright picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request {
    /// `None` leaves the side free: the other one and the proportions decide.
    pub width: Option<u32>,
    pub height: Option<u32>,
    pub fit: Fit,
    pub enlarge: bool,
    /// `None` keeps the source's format where it can be written.
    pub format: Option<Format>,
    /// 1..=100, for the lossy formats.
    pub quality: u8,
    pub filter: Filter,
    pub on_damage: OnDamage,
    pub limits: Limits,
    pub scheduler: Scheduler,
    /// The estimated cost in microseconds above which [`Scheduler::Auto`] takes the dirty road. By
    /// default there is none: yielding is the kinder road at any length.
    pub yield_limit: u64,
    /// The same for pictures that several threads decode in less time than one, counting decoding
    /// alone. `u64::MAX` where there are no threads to spare.
    pub share_limit: u64,
}

impl Default for Request {
    fn default() -> Self {
        Request {
            width: None,
            height: None,
            fit: Fit::default(),
            enlarge: false,
            format: None,
            quality: 80,
            filter: Filter::default(),
            on_damage: OnDamage::default(),
            limits: Limits::default(),
            scheduler: Scheduler::default(),
            yield_limit: u64::MAX,
            share_limit: crate::cost::SHARE_LIMIT_MICROS,
        }
    }
}
