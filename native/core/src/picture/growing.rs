use crate::Error;

/// A step of zeroing: with the page faults, some tens of microseconds.
const GROW_BYTES: usize = 256 << 10;

/// Zeroes a step more of a vector that has room for `len`. `true` when all of it was there before.
pub(super) fn grow<T: bytemuck::Zeroable + Clone>(vec: &mut Vec<T>, len: usize) -> bool {
    let grown = vec.len() == len;
    vec.resize(len.min(vec.len() + GROW_BYTES / size_of::<T>()), T::zeroed());
    grown
}

/// A vector of zeros whose size a header may have asked for: where `vec!` would abort the node,
/// this is an error.
pub(crate) fn zeroed<T: bytemuck::Zeroable + Clone>(len: usize) -> Result<Vec<T>, Error> {
    let mut vec = Vec::new();
    vec.try_reserve_exact(len).map_err(|_| Error::OutOfMemory)?;
    vec.resize(len, T::zeroed());
    Ok(vec)
}

/// A vector that is reserved at once, which touches nothing, and zeroed in steps, which takes time.
pub(crate) struct Growing<T> {
    vec: Vec<T>,
    len: usize,
}

impl<T: bytemuck::Zeroable + Clone> Growing<T> {
    pub(crate) fn new(len: usize) -> Result<Self, Error> {
        let mut vec = Vec::new();
        vec.try_reserve_exact(len).map_err(|_| Error::OutOfMemory)?;
        Ok(Growing { vec, len })
    }

    /// Takes a step. `true` when the whole length was there before.
    pub(crate) fn grow(&mut self) -> bool {
        grow(&mut self.vec, self.len)
    }

    /// Makes the first `len` elements available.
    pub(crate) fn grow_to(&mut self, len: usize) {
        let len = len.min(self.len);
        if len > self.vec.len() {
            self.vec.resize(len, T::zeroed());
        }
    }

    /// Puts elements behind those that are available, as far as there is room, and returns them.
    /// Nothing is zeroed that is written over then.
    pub(crate) fn append(&mut self, elements: &[T]) -> &mut [T] {
        let start = self.vec.len();
        let room = self.len - start;
        self.vec.extend_from_slice(&elements[..elements.len().min(room)]);
        &mut self.vec[start..]
    }

    pub(crate) fn get(&self) -> &[T] {
        &self.vec
    }

    pub(crate) fn get_mut(&mut self) -> &mut [T] {
        &mut self.vec
    }

    /// All of it.
    pub(crate) fn into_vec(mut self) -> Vec<T> {
        self.grow_to(self.len);
        self.vec
    }
}
