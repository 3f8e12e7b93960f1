use super::geometry::Geometry;
use crate::ops::Filter;
use crate::{Info, cost};

/// Estimated microseconds of one core.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Costs {
    pub decode: u64,
    pub resample: u64,
    pub encode: u64,
}

impl Costs {
    pub fn total(&self) -> u64 {
        self.decode + self.resample + self.encode
    }

    /// Of decoding so many rows.
    pub(super) fn of_rows(info: &Info, rows: u32) -> Costs {
        let nanos = u128::from(info.nanos.all) * u128::from(rows) / u128::from(info.height);
        Costs { decode: nanos as u64 / 1_000, ..Costs::default() }
    }

    /// Of making one output of them, whose writing takes so long.
    pub(super) fn of_output(
        info: &Info,
        geometry: &Geometry,
        filter: Filter,
        encode_nanos: u64,
    ) -> Costs {
        let window = geometry.reduction.window;
        let pixels = u64::from(window.right - window.left) * u64::from(window.bottom - window.top);
        let (output, ratio, support) = (geometry.output, geometry.ratio(), filter.support());
        let mut resample = 0;
        let linear = geometry.reduction.linear;
        if !geometry.is_identity() {
            let layout = if linear { info.layout.linearized() } else { info.layout };
            resample = cost::resample_nanos(output, ratio, support, layout)
                + cost::coefficient_nanos(output.0, ratio.0, support)
                + cost::coefficient_nanos(output.1, ratio.1, support)
                + cost::convert_nanos(output.0, layout) * u64::from(output.1);
        }
        let light = if linear { cost::light_nanos(pixels, info.layout) } else { 0 };
        Costs {
            decode: (cost::shrink_nanos(pixels, info.layout) + light) / 1_000,
            resample: resample / 1_000,
            encode: encode_nanos / 1_000,
        }
    }
}

impl std::iter::Sum for Costs {
    fn sum<I: Iterator<Item = Costs>>(costs: I) -> Costs {
        costs.fold(Costs::default(), |sum, costs| Costs {
            decode: sum.decode + costs.decode,
            resample: sum.resample + costs.resample,
            encode: sum.encode + costs.encode,
        })
    }
}
