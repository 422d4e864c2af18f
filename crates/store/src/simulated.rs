//! A disk made up for simulations: databases in memory that keep only what was synced when their
//! power goes off, in the midst of any operation. The store's other files are real, and are copied
//! when that happens, so that whatever the dying process still does to them is lost too.

mod dice;
mod disk;
mod image;
mod rows;
mod trap;

pub use dice::Dice;
pub use disk::Disk;
pub use image::{Harm, Loss};
pub use trap::{Death, Event, Stage, Trap};
