//! One sequential scan, ready to be decoded: its blocks in order, with the tables they use.

use std::sync::Arc;

use crate::Error;
use crate::bits::Bits;
use crate::block::{self, Class, Damage, MAX_BLOCK_BYTES};
use crate::frame::{Frame, Scaled};
use crate::huffman::{Ac, Dc};
use crate::scan_header::ScanHeader;
use crate::tables::Tables;

/// A block of an MCU.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Block {
    /// The component, as the scan counts them.
    pub component: usize,
    pub class: Class,
    dc: usize,
    ac: usize,
    /// Where it is kept, from the start of its MCU's coefficients.
    pub place: usize,
    /// Its place in the MCU, in blocks.
    pub column: u32,
    pub row: u32,
}

/// Everything that is the same for all MCUs of a scan.
#[derive(Debug)]
pub(crate) struct Scan {
    pub blocks: Vec<Block>,
    dc: Arc<[Dc]>,
    ac: Arc<[Ac]>,
    /// Coefficients kept of an MCU.
    pub mcu_len: usize,
    /// MCUs in each direction.
    pub across: u32,
    pub down: u32,
    /// MCUs between two restart markers; 0 if there are none.
    pub restart_interval: u32,
}

/// The DC values of the blocks before, one for each component of the scan.
pub(crate) type Predictions = [i16; 4];

impl Scan {
    pub(crate) fn new(
        frame: &Frame,
        scaled: &[Scaled],
        header: &ScanHeader,
        tables: &Tables,
    ) -> Result<Arc<Self>, Error> {
        let missing =
            Error::Invalid { what: "a scan without its Huffman table", offset: header.data };
        let mut scan = Scan {
            blocks: Vec::new(),
            dc: Arc::default(),
            ac: Arc::default(),
            mcu_len: 0,
            across: 0,
            down: 0,
            restart_interval: tables.restart_interval,
        };
        let interleaved = header.components.len() > 1;
        let (mut dc_indices, mut ac_indices) = (Vec::new(), Vec::new());
        let (mut dc_tables, mut ac_tables) = (Vec::new(), Vec::new());
        for (component, &(index, dc, ac)) in header.components.iter().enumerate() {
            let find = |indices: &mut Vec<u8>, index| {
                let known = indices.iter().position(|&other| other == index);
                known.unwrap_or_else(|| {
                    indices.push(index);
                    indices.len() - 1
                })
            };
            let dc_at = find(&mut dc_indices, dc);
            let ac_at = find(&mut ac_indices, ac);
            if dc_at == dc_tables.len() {
                dc_tables.push(tables.dc(dc).ok_or(missing)?);
            }
            if ac_at == ac_tables.len() {
                ac_tables.push(tables.ac(ac).ok_or(missing)?);
            }
            let Scaled { class, across, down, .. } = scaled[index];
            let (across, down) = if interleaved { (across, down) } else { (1, 1) };
            for (row, column) in
                (0..down).flat_map(|row| (0..across).map(move |column| (row, column)))
            {
                let place = scan.mcu_len;
                scan.blocks.push(Block {
                    component,
                    class,
                    dc: dc_at,
                    ac: ac_at,
                    place,
                    column,
                    row,
                });
                scan.mcu_len += class.len();
            }
        }
        (scan.dc, scan.ac) = (dc_tables.into(), ac_tables.into());
        (scan.across, scan.down) = if interleaved {
            frame.mcus()
        } else {
            frame.blocks(&frame.components[header.components[0].0])
        };
        Ok(Arc::new(scan))
    }

    /// The same scan, with nothing kept of a block but its DC value: in half the time of all
    /// coefficients, it tells where each MCU begins.
    pub(crate) fn outline(&self) -> Scan {
        let places = self.blocks.iter().enumerate();
        let blocks: Vec<Block> =
            places.map(|(place, &at)| Block { class: Class::One, place, ..at }).collect();
        Scan {
            mcu_len: blocks.len(),
            blocks,
            dc: self.dc.clone(),
            ac: self.ac.clone(),
            across: self.across,
            down: self.down,
            restart_interval: self.restart_interval,
        }
    }

    /// How many MCUs there are.
    pub(crate) fn mcus(&self) -> u64 {
        u64::from(self.across) * u64::from(self.down)
    }

    /// No MCU takes more bytes.
    pub(crate) fn max_mcu_bytes(&self) -> usize {
        self.blocks.len() * MAX_BLOCK_BYTES + 8
    }

    /// Decodes one MCU. `coefficients` are zero, and there is one more than the MCU keeps.
    #[inline(always)]
    pub(crate) fn decode(
        &self,
        bits: &mut Bits,
        data: &[u8],
        predictions: &mut Predictions,
        coefficients: &mut [i16],
    ) -> Result<(), Damage> {
        let mut local = *bits;
        for at in &self.blocks {
            let bits = &mut local;
            let (dc, ac) = (&self.dc[at.dc], &self.ac[at.ac]);
            let out = &mut coefficients[at.place..];
            match at.class {
                Class::One => block::decode(bits, data, dc, ac, Class::One, out)?,
                Class::Two => block::decode(bits, data, dc, ac, Class::Two, out)?,
                Class::Four => block::decode(bits, data, dc, ac, Class::Four, out)?,
                Class::Eight => block::decode(bits, data, dc, ac, Class::Eight, out)?,
            }
            let prediction = &mut predictions[at.component & 3];
            *prediction = prediction.wrapping_add(out[0]);
            out[0] = *prediction;
        }
        *bits = local;
        Ok(())
    }
}

/// A stretch of decoded MCUs.
#[derive(Debug)]
pub(crate) struct Run {
    pub coefficients: Arc<Vec<i16>>,
    /// The first MCU's place among the coefficients' MCUs, and how many follow.
    pub first: usize,
    pub count: usize,
    /// To be added to the DC values of each component.
    pub offsets: Predictions,
}
