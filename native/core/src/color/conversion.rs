use super::Transform;
use crate::{ColorModel, Info, Layout};

/// From what a picture's numbers are in to sRGB: what is to be done, but nothing that takes time.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Conversion {
    from: Layout,
}

impl Conversion {
    /// `None` where there is nothing to be done.
    pub(crate) fn of(info: &Info) -> Option<Conversion> {
        match info.layout.model {
            ColorModel::Cmyk | ColorModel::Lab => Some(Conversion { from: info.layout }),
            ColorModel::Gray | ColorModel::Rgb => None,
        }
    }

    pub(crate) fn transform(&self) -> Option<Transform> {
        match self.from.model {
            ColorModel::Cmyk => Some(Transform::Cmyk),
            ColorModel::Lab => Some(Transform::Lab),
            ColorModel::Gray | ColorModel::Rgb => None,
        }
    }
}
