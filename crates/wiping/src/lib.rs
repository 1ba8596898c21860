//! An allocator that zeroes memory before it is freed.
//!
//! Card data pass through vectors that are not ours: TLS keeps what it deciphers in buffers of its
//! own, and a vector that grows leaves a copy behind. A process that holds card data or keys turns
//! this on when it starts ([`wipe_freed_memory`]); for all others it costs one comparison.
//!
//! Never: anything but the allocator. It is the only crate with unsafe code.

use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering};

/// Larger blocks are not wiped: they hold books, and their owners wipe messages in them. So a
/// vector of millions of rows grows in place.
pub const WIPED_BYTES_MAX: usize = 128 << 10;

static IS_WIPING: AtomicBool = AtomicBool::new(false);

/// From now on, blocks of at most [`WIPED_BYTES_MAX`] are zeroed when they are freed or replaced.
pub fn wipe_freed_memory() {
    IS_WIPING.store(true, Ordering::Relaxed);
}

/// The system's allocator, which zeroes what is freed.
pub struct WipingAllocator;

fn is_wiped(bytes: usize) -> bool {
    bytes <= WIPED_BYTES_MAX && IS_WIPING.load(Ordering::Relaxed)
}

// SAFETY: every block is the system allocator's, with the layout that the caller gave.
unsafe impl GlobalAlloc for WipingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise is the system allocator's condition.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if is_wiped(layout.size()) {
            // SAFETY: the block has this size, and its owner has given it up.
            unsafe { block.write_bytes(0, layout.size()) };
            // Otherwise the compiler leaves out writes to memory that is freed next.
            black_box(block);
        }
        // SAFETY: the caller's promise is the system allocator's condition.
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if !is_wiped(layout.size()) {
            // SAFETY: the caller's promise is the system allocator's condition.
            return unsafe { System.realloc(block, layout, size) };
        }
        // SAFETY: the caller promises that `size` is valid for this alignment.
        let larger = unsafe { Layout::from_size_align_unchecked(size, layout.align()) };
        // SAFETY: `size` is not zero, as the caller promises.
        let new = unsafe { System.alloc(larger) };
        if !new.is_null() {
            // SAFETY: both blocks have at least this many bytes, and they are different blocks.
            unsafe { new.copy_from_nonoverlapping(block, layout.size().min(size)) };
            // SAFETY: the block is the caller's, with this layout, and it is replaced.
            unsafe { self.dealloc(block, layout) };
        }
        new
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::fs::File;
    use std::os::unix::fs::FileExt;

    use super::*;

    const BYTES: usize = 3_000;

    /// Whether the bytes of a block can be read in this process's memory after `free`.
    fn are_left(free: impl FnOnce(*mut u8, Layout)) -> bool {
        let layout = Layout::from_size_align(BYTES, 8).expect("a layout");
        // SAFETY: the layout is not empty.
        let block = unsafe { WipingAllocator.alloc(layout) };
        // SAFETY: the block has this many bytes.
        unsafe { block.write_bytes(7, BYTES) };
        let place = block.expose_provenance() as u64;
        free(block, layout);
        let mut found = [0; BYTES];
        let memory = File::open("/proc/self/mem").expect("this process's memory");
        memory.read_exact_at(&mut found, place).expect("small blocks stay mapped");
        // The first bytes belong to the system allocator's own lists.
        found[64..].contains(&7)
    }

    fn free(block: *mut u8, layout: Layout) {
        // SAFETY: the block and its layout belong together.
        unsafe { WipingAllocator.dealloc(block, layout) };
    }

    #[test]
    fn freed_and_outgrown_blocks_are_zeroed_from_the_moment_on() {
        assert!(are_left(free), "otherwise this test shows nothing");
        wipe_freed_memory();
        assert!(!are_left(free));
        for size in [100, 9_000] {
            assert!(!are_left(|block, layout| {
                // SAFETY: the block and its layout belong together, and the size is not zero.
                let new = unsafe { WipingAllocator.realloc(block, layout, size) };
                for place in 0..size.min(BYTES) {
                    // SAFETY: within both blocks.
                    assert_eq!(unsafe { new.add(place).read() }, 7);
                }
            }));
        }
    }
}
