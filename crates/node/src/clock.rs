//! The time of commands and timers. It is steady: when the machine's clock jumps, it goes on.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use engine::Timestamp;

/// The time of commands that come without one, and of timers.
pub trait Clock: Send {
    fn now(&self) -> Timestamp;
    /// How far the machine's clock has jumped away from this one, in milliseconds: above zero it is
    /// ahead. Less than [`CLOCK_JUMP_MS_MIN`] is no jump.
    fn machine_jump_ms(&self) -> i64 {
        0
    }
}

/// A smaller difference is no jump: a leap second, or a correction in small steps.
pub const CLOCK_JUMP_MS_MIN: i64 = 2_000;
/// A larger jump is not followed: only a person knows whether the clock was right before it.
pub const CLOCK_FOLLOWED_MS_MAX: i64 = 5 * 60_000;
/// The steady time follows a jump by at most one part in this many of the time that passes, so that
/// no timer notices.
const FOLLOWED_PART: i128 = 100;
const NANOS_PER_MS: i128 = 1_000_000;

/// What the machine's clocks show at one moment.
#[derive(Clone, Copy, Debug)]
pub struct ClockReading {
    /// Since 1970. People and programs set this clock, so it may jump.
    pub wall: Duration,
    /// Since any moment. It never jumps.
    pub monotonic: Duration,
}

#[derive(Clone, Copy, Debug)]
struct SteadyTime {
    /// Nanoseconds since 1970.
    now: i128,
    monotonic: Duration,
    /// Nanoseconds of the machine's clock ahead of `now`.
    ahead: i128,
}

/// Begins at the machine's clock and goes on by its monotonic one. It follows small jumps slowly
/// and large ones not at all.
#[derive(Debug)]
pub struct SteadyClock<R> {
    read: R,
    state: Mutex<Option<SteadyTime>>,
}

impl<R: Fn() -> ClockReading> SteadyClock<R> {
    pub const fn new(read: R) -> SteadyClock<R> {
        SteadyClock { read, state: Mutex::new(None) }
    }

    fn advance(&self) -> SteadyTime {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let ClockReading { wall, monotonic } = (self.read)();
        let wall = wall.as_nanos().cast_signed();
        let before = state.unwrap_or(SteadyTime { now: wall, monotonic, ahead: 0 });
        let elapsed = monotonic.saturating_sub(before.monotonic).as_nanos().cast_signed();
        let mut now = before.now + elapsed;
        let mut ahead = wall - now;
        if ahead.abs() <= i128::from(CLOCK_FOLLOWED_MS_MAX) * NANOS_PER_MS {
            let most = elapsed / FOLLOWED_PART;
            let step = ahead.clamp(-most, most);
            (now, ahead) = (now + step, ahead - step);
        }
        *state.insert(SteadyTime { now, monotonic: before.monotonic.max(monotonic), ahead })
    }
}

impl<R: Fn() -> ClockReading + Send> Clock for SteadyClock<R> {
    fn now(&self) -> Timestamp {
        Timestamp(u64::try_from(self.advance().now / NANOS_PER_MS).unwrap_or(0))
    }

    fn machine_jump_ms(&self) -> i64 {
        i64::try_from(self.advance().ahead / NANOS_PER_MS).unwrap_or(0)
    }
}

/// The steady time of this process, or of a trial that takes place at another time.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

static STEADY: SteadyClock<fn() -> ClockReading> = SteadyClock::new(read_machine);

/// What is added to the steady time: zero, but for a trial at another time.
static TRIAL_SHIFT_MS: AtomicI64 = AtomicI64::new(0);

impl SystemClock {
    /// Lets this process live at another time from now on. For trial books only: whoever opens
    /// books checks [`SystemClock::is_of_a_trial`].
    pub fn start_trial_at(at: Timestamp) {
        let by = i64::try_from(at.0).unwrap_or(i64::MAX);
        let now = i64::try_from(STEADY.now().0).unwrap_or(i64::MAX);
        TRIAL_SHIFT_MS.store(by.saturating_sub(now), Ordering::Relaxed);
    }

    /// Whether this process lives at another time.
    #[must_use]
    pub fn is_of_a_trial() -> bool {
        TRIAL_SHIFT_MS.load(Ordering::Relaxed) != 0
    }

    /// What the machine's own clock shows at a time of this process: other devices know no trial.
    #[must_use]
    pub fn machine_time(at: Timestamp) -> Timestamp {
        let shift = TRIAL_SHIFT_MS.load(Ordering::Relaxed);
        Timestamp(at.0.saturating_add_signed(shift.saturating_neg()))
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let shift = TRIAL_SHIFT_MS.load(Ordering::Relaxed);
        Timestamp(STEADY.now().0.saturating_add_signed(shift))
    }

    fn machine_jump_ms(&self) -> i64 {
        STEADY.machine_jump_ms()
    }
}

fn read_machine() -> ClockReading {
    let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    ClockReading { wall, monotonic: since_boot() }
}

/// With the time that the machine slept: after it both clocks agree again.
#[cfg(target_os = "linux")]
fn since_boot() -> Duration {
    let at = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    Duration::try_from(at).unwrap_or_default()
}

#[cfg(not(target_os = "linux"))]
fn since_boot() -> Duration {
    static BEGUN: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
    BEGUN.get_or_init(std::time::Instant::now).elapsed()
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);
    /// 2013-11-28, 00:00 UTC.
    const BEGUN: Duration = Duration::from_secs(1_385_596_800);

    /// Two clocks that a test sets.
    struct Machine {
        wall: Cell<Duration>,
        monotonic: Cell<Duration>,
    }

    impl Machine {
        fn new() -> Machine {
            Machine { wall: Cell::new(BEGUN), monotonic: Cell::new(MINUTE) }
        }

        fn pass(&self, time: Duration) {
            self.wall.set(self.wall.get() + time);
            self.monotonic.set(self.monotonic.get() + time);
        }

        fn read(&self) -> ClockReading {
            ClockReading { wall: self.wall.get(), monotonic: self.monotonic.get() }
        }
    }

    fn ms(of: Duration) -> u64 {
        u64::try_from(of.as_millis()).unwrap()
    }

    #[test]
    fn time_goes_on_when_the_machines_clock_jumps_back_or_ahead() {
        for hours in [-1_i32, 1, 24 * 365] {
            let machine = Machine::new();
            let clock = SteadyClock::new(|| machine.read());
            assert_eq!(clock.advance().now / NANOS_PER_MS, i128::from(ms(BEGUN)));
            machine.pass(MINUTE);
            let by = MINUTE * 60 * hours.unsigned_abs();
            let wall = machine.wall.get();
            machine.wall.set(if hours < 0 { wall - by } else { wall + by });
            for minutes in 1..=90 {
                assert_eq!(
                    clock.advance().now / NANOS_PER_MS,
                    i128::from(ms(BEGUN + MINUTE * minutes))
                );
                machine.pass(MINUTE);
            }
            let jump = clock.advance().ahead / NANOS_PER_MS;
            assert_eq!(jump, i128::from(hours) * 3_600_000);
        }
    }

    #[test]
    fn a_small_correction_is_followed_so_slowly_that_no_timer_notices() {
        let machine = Machine::new();
        let clock = SteadyClock::new(|| machine.read());
        clock.advance();
        machine.wall.set(BEGUN - Duration::from_secs(30));
        let mut last = clock.advance().now;
        for _ in 0..50 {
            machine.pass(MINUTE);
            let now = clock.advance().now;
            let passed = (now - last) / NANOS_PER_MS;
            assert!((59_400..=60_000).contains(&passed), "{passed}");
            last = now;
        }
        assert_eq!(clock.advance().ahead, 0);
        assert_eq!(last, machine.wall.get().as_nanos().cast_signed());
    }
}
