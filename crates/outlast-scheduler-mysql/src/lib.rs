//! The scheduler on MySQL: migrations, their owners and their history, in tables on the cluster that is being migrated.
//!
//! Every change is one transaction of the primary, which is the only arbiter. **Lock order**: the fence row of a
//! migration first, its row in `migrations` second, everything else after them. Owners read the fence row FOR SHARE,
//! adopters lock it FOR UPDATE; users' requests lock only the row in `migrations`.

mod adoption;
mod bounds;
mod history;
mod leased;
mod limits;
mod paths;
mod policies;
mod requests;
mod scheduler;
mod schema;
mod stored;
mod submission;

pub use scheduler::MySqlScheduler;
