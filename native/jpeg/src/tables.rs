//! The tables that scans refer to, as they stand at some place in the file.

use std::sync::Arc;

use crate::block::ZIGZAG;
use crate::huffman::{Ac, Dc, Kind, Spec, Symbols};

/// Owned, as the segments that define them go when they have been read; and shared, as every scan
/// of a picture keeps those that it finds.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tables {
    /// Row by row.
    quantizers: [Option<Arc<[u16; 64]>>; 4],
    /// As they stand in the file.
    dc: [Option<Arc<[u8]>>; 4],
    ac: [Option<Arc<[u8]>>; 4],
    /// MCUs between two restart markers; 0 if there are none.
    pub restart_interval: u32,
    pub conditioning: Conditioning,
}

/// What arithmetic coding takes for small and for large.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Conditioning {
    /// Of DC differences, in bits.
    pub dc: [(u8, u8); 4],
    /// The last position of the lower AC coefficients.
    pub ac: [u8; 4],
}

impl Default for Conditioning {
    fn default() -> Self {
        Conditioning { dc: [(0, 1); 4], ac: [5; 4] }
    }
}

impl Tables {
    /// Takes what a DHT segment defines. `None` if that is wrong.
    pub(crate) fn define_huffman(&mut self, mut body: &[u8]) -> Option<()> {
        while let [target, rest @ ..] = body {
            let tables = match target >> 4 {
                0 => &mut self.dc,
                1 => &mut self.ac,
                _ => return None,
            };
            let table = tables.get_mut(usize::from(target & 15))?;
            (_, body) = Spec::split_off(rest)?;
            let bytes = &rest[..rest.len() - body.len()];
            // A file may have hundreds of thousands, of which each replaces the one before.
            match table.as_mut().and_then(Arc::get_mut) {
                Some(table) if table.len() == bytes.len() => table.copy_from_slice(bytes),
                _ => *table = Some(bytes.into()),
            }
        }
        Some(())
    }

    /// Takes what a DQT segment defines. `None` if that is wrong.
    pub(crate) fn define_quantizers(&mut self, mut body: &[u8]) -> Option<()> {
        while let [target, rest @ ..] = body {
            let bytes = match target >> 4 {
                0 => 1,
                1 => 2,
                _ => return None,
            };
            let defined = self.quantizers.get_mut(usize::from(target & 15))?;
            let values;
            (values, body) = rest.split_at_checked(64 * bytes)?;
            let mut table = [0; 64];
            for (value, place) in values.chunks_exact(bytes).zip(ZIGZAG) {
                table[usize::from(place)] =
                    value.iter().fold(0, |value, &byte| value << 8 | u16::from(byte));
            }
            *defined = Some(Arc::new(table));
        }
        Some(())
    }

    /// Takes what a DAC segment defines. `None` if that is wrong.
    pub(crate) fn define_conditioning(&mut self, body: &[u8]) -> Option<()> {
        for &[target, value] in body.as_chunks().0 {
            let table = usize::from(target & 15);
            match target >> 4 {
                0 => {
                    let (small, large) = (value & 15, value >> 4);
                    if small > large {
                        return None;
                    }
                    *self.conditioning.dc.get_mut(table)? = (small, large);
                }
                1 if (1..=63).contains(&value) => *self.conditioning.ac.get_mut(table)? = value,
                _ => return None,
            }
        }
        Some(())
    }

    /// The table that a scan refers to. Frames without any use the standard ones.
    pub(crate) fn dc(&self, index: u8) -> Option<Dc> {
        Self::spec(&self.dc, Kind::Dc, index).map(|spec| Dc::new(&spec))
    }

    pub(crate) fn ac(&self, index: u8) -> Option<Ac> {
        Self::spec(&self.ac, Kind::Ac, index).map(|spec| Ac::new(&spec))
    }

    pub(crate) fn dc_symbols(&self, index: u8) -> Option<Symbols> {
        Self::spec(&self.dc, Kind::Dc, index).map(|spec| Symbols::new(&spec))
    }

    pub(crate) fn ac_symbols(&self, index: u8) -> Option<Symbols> {
        Self::spec(&self.ac, Kind::Ac, index).map(|spec| Symbols::new(&spec))
    }

    fn spec(tables: &[Option<Arc<[u8]>>; 4], kind: Kind, index: u8) -> Option<Spec<'_>> {
        match tables.get(usize::from(index))? {
            Some(table) => Spec::split_off(table).map(|(spec, _)| spec),
            None if index < 2 => Some(Spec::standard(kind, index == 1)),
            None => None,
        }
    }

    pub(crate) fn quantizer(&self, index: u8) -> Option<&[u16; 64]> {
        self.quantizers.get(usize::from(index))?.as_deref()
    }

    /// The bytes of those tables that are not shared with `other`.
    pub(crate) fn bytes_beside(&self, other: &Tables) -> usize {
        let huffman = self.dc.iter().chain(&self.ac).zip(other.dc.iter().chain(&other.ac));
        let huffman = huffman.filter(|(one, other)| !is_same(one, other));
        let huffman: usize =
            huffman.filter_map(|(one, _)| one.as_ref()).map(|table| table.len()).sum();
        let quantizers = self.quantizers.iter().zip(&other.quantizers);
        let quantizers = quantizers.filter(|(one, other)| one.is_some() && !is_same(one, other));
        huffman + quantizers.count() * size_of::<[u16; 64]>()
    }
}

fn is_same<T: ?Sized>(one: &Option<Arc<T>>, other: &Option<Arc<T>>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => Arc::ptr_eq(one, other),
        (None, None) => true,
        _ => false,
    }
}
