//! One call of one component: a store, an instance, an export, and all of it gone again.

use sandmill_abi::v0_1::TaskPre;
use sandmill_abi::v0_1::sandmill::task::types::{Descriptor, Problem as GuestProblem};
use wasmtime::{Store, StoreContextMut, UpdateDeadline};

use crate::capabilities::Call;
use crate::live::Live;
use crate::outcome::{self, CallError, Stop};

/// Ticks until a guest is looked at for the first time. One would come at any moment within the first millisecond; with two, a task that is
/// shorter than that meets none.
const FIRST_TICKS: u64 = 2;

/// Runs a task to its output.
pub(crate) async fn run(component: &TaskPre<Call>, call: Call) -> Result<String, CallError> {
    let limits = call.capabilities.limits;
    let mut store = open(component, call);
    let returned = run_in(component, &mut store).await;
    let finished = store.data_mut().finish();
    let returned = returned.map_err(|error| outcome::from_wasmtime(&error, &limits))?;
    finished.map_err(|stop| stop.into_error(&limits))?;
    match returned {
        Ok(output) if output.len() as u64 > limits.output_bytes => {
            Err(Stop::Limit(crate::Limit::Output).into_error(&limits))
        }
        Ok(output) => Ok(output),
        Err(problem) => Err(outcome::from_guest(problem, &limits)),
    }
}

/// Asks a component what it says of itself.
pub(crate) async fn describe(component: &TaskPre<Call>, call: Call) -> Result<Descriptor, CallError> {
    let limits = call.capabilities.limits;
    let mut store = open(component, call);
    let described = async {
        let task = component.instantiate_async(&mut store).await?;
        task.call_descriptor(&mut store).await
    };
    described.await.map_err(|error| outcome::from_wasmtime(&error, &limits))
}

fn open(component: &TaskPre<Call>, call: Call) -> Store<Call> {
    let limits = &call.capabilities.limits;
    // One figure bounds both ways out of the guest; what a result has too much within it is found when it is here.
    let handed_over = limits.host_call_bytes.max(limits.output_bytes);
    call.live.start(limits.wall_ms);
    let mut store = Store::new(component.engine(), call);
    store.set_hostcall_fuel(usize::try_from(handed_over).unwrap_or(usize::MAX));
    store.limiter(|call| &mut call.memory);
    store.set_epoch_deadline(FIRST_TICKS);
    store.epoch_deadline_callback(on_tick);
    store
}

async fn run_in(component: &TaskPre<Call>, store: &mut Store<Call>) -> wasmtime::Result<Result<String, GuestProblem>> {
    let task = component.instantiate_async(&mut *store).await?;
    let live = std::sync::Arc::clone(&store.data().live);
    task.call_run(store, id(&live)).await
}

fn id(live: &Live) -> &str {
    live.task().map_or("", |task| &task.id)
}

/// Gives other guests their turn, or ends this one.
fn on_tick(mut store: StoreContextMut<'_, Call>) -> wasmtime::Result<UpdateDeadline> {
    let call = store.data_mut();
    let limits = &call.capabilities.limits;
    call.check_host_calls().and_then(|()| call.live.tick(limits.cpu_ms)).map_err(wasmtime::Error::new)?;
    Ok(UpdateDeadline::Yield(1))
}
