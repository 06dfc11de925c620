using System.Collections.Frozen;
using Grpc.Core;

namespace Taishang.Core.Api;

/// <summary>
/// The one error table. A test checks it against docs/interfaces/taishang-api-spec.md and against the numbers that
/// workers use (proto/taishang/ai/v1/errors.proto).
/// </summary>
public static class ErrorCodes
{
    // 10xxx: common
    public static readonly ErrorCode InvalidArgument = Invalid(10001, "invalid_argument", "a field is invalid");
    public static readonly ErrorCode MalformedJson = Invalid(10002, "malformed_json", "the body is not JSON in UTF-8");
    public static readonly ErrorCode UnknownField = Invalid(10003, "unknown_field", "a field is not known here");
    public static readonly ErrorCode WrongType = Invalid(10004, "wrong_type", "a field has the wrong JSON type");
    public static readonly ErrorCode MissingField = Invalid(10005, "missing_field", "a required field is missing");
    public static readonly ErrorCode TooDeep = Invalid(10006, "too_deep", "the JSON is nested too deeply");
    public static readonly ErrorCode InvalidPage = Invalid(10007, "invalid_page", "the paging parameters are invalid");
    public static readonly ErrorCode RouteNotFound = new(
        10008, "route_not_found", 404, StatusCode.Unimplemented, false, "no such route");
    public static readonly ErrorCode MethodNotAllowed = new(
        10009, "method_not_allowed", 405, StatusCode.Unimplemented, false, "the route does not take this method");
    public static readonly ErrorCode UnsupportedMediaType = new(
        10010, "unsupported_media_type", 415, StatusCode.InvalidArgument, false, "the body must be application/json");
    public static readonly ErrorCode BodyTooLarge = new(
        10011, "body_too_large", 413, StatusCode.ResourceExhausted, false, "the body is larger than the limit");
    public static readonly ErrorCode IdempotencyMismatch = new(
        10012, "idempotency_mismatch", 422, StatusCode.FailedPrecondition, false,
        "the idempotency key was used with another body");
    public static readonly ErrorCode InsufficientMemory = new(
        10013, "insufficient_memory", 503, StatusCode.ResourceExhausted, true,
        "the process would pass its memory limit");
    public static readonly ErrorCode StorageUnavailable = new(
        10014, "storage_unavailable", 503, StatusCode.Unavailable, true, "the disk refuses writes");
    public static readonly ErrorCode TooManyRequests = new(
        10015, "too_many_requests", 429, StatusCode.ResourceExhausted, true, "too many requests at once");
    public static readonly ErrorCode DatabaseUnavailable = new(
        10016, "database_unavailable", 503, StatusCode.Unavailable, true, "the database is locked or gone");
    public static readonly ErrorCode ShuttingDown = new(
        10017, "shutting_down", 503, StatusCode.Unavailable, true, "the server is stopping");
    public static readonly ErrorCode IdempotencyInProgress = new(
        10018, "idempotency_in_progress", 409, StatusCode.Aborted, true,
        "the first request with this idempotency key is still running");
    public static readonly ErrorCode Cancelled = new(
        10019, "cancelled", 499, StatusCode.Cancelled, true, "the caller went away");
    public static readonly ErrorCode NotReady = new(
        10020, "not_ready", 503, StatusCode.Unavailable, true, "something that the server needs is missing");
    public static readonly ErrorCode Internal = new(
        10099, "internal", 500, StatusCode.Internal, false, "an error of ours; the trace id leads to it");

    // 20xxx: models
    public static readonly ErrorCode ModelNotFound = NotFound(20001, "model_not_found", "no such model");
    public static readonly ErrorCode ModelExists = Conflict(
        20002, "model_exists", "a model of this name and provider exists");
    public static readonly ErrorCode ModelInvalid = Invalid(20003, "model_invalid", "the model is invalid");
    public static readonly ErrorCode ModelNotActive = Conflict(20004, "model_not_active", "the model is not active");
    public static readonly ErrorCode ModelTransition = Conflict(
        20005, "model_transition", "the model's status does not allow this");
    public static readonly ErrorCode ModelVersionExists = Conflict(
        20006, "model_version_exists", "this version exists and is immutable");
    public static readonly ErrorCode ModelVersionNotFound = NotFound(
        20007, "model_version_not_found", "the model has no such version");
    public static readonly ErrorCode ModelInUse = Conflict(20008, "model_in_use", "the model is still used");
    public static readonly ErrorCode ModelRetired = new(
        20009, "model_retired", 410, StatusCode.FailedPrecondition, false, "the model is retired");
    public static readonly ErrorCode ModelIncompatible = Semantic(
        20010, "model_incompatible", "the model does not fit");
    public static readonly ErrorCode ModelTestFailed = Semantic(
        20011, "model_test_failed", "the model's connection test failed");
    public static readonly ErrorCode ModelAliasNotFound = NotFound(
        20012, "model_alias_not_found", "the model has no such alias");
    public static readonly ErrorCode ModelAliasMoved = Conflict(
        20013, "model_alias_moved", "the alias does not lead where it was expected to");
    public static readonly ErrorCode ModelRouteNotFound = NotFound(20020, "model_route_not_found", "no such route");
    public static readonly ErrorCode ModelRouteExists = Conflict(
        20021, "model_route_exists", "a route of this name exists");
    public static readonly ErrorCode ModelRouteInvalid = Invalid(
        20022, "model_route_invalid", "the route is invalid");
    public static readonly ErrorCode ModelRouteUnavailable = new(
        20023, "model_route_unavailable", 503, StatusCode.Unavailable, true, "no target of the route is available");
    public static readonly ErrorCode ModelRouteLimited = new(
        20024, "model_route_limited", 429, StatusCode.ResourceExhausted, true,
        "every target of the route asks to slow down");
    public static readonly ErrorCode ModelRouteNoMatch = Semantic(
        20025, "model_route_no_match", "no target of the route takes this call");
    public static readonly ErrorCode ModelAtLimit = new(
        20026, "model_at_limit", 429, StatusCode.ResourceExhausted, true, "the model is at a limit of its config");
    public static readonly ErrorCode BudgetExceeded = new(
        20030, "budget_exceeded", 429, StatusCode.ResourceExhausted, true, "a budget is used up");
    public static readonly ErrorCode BudgetHeld = new(
        20031, "budget_held", 429, StatusCode.ResourceExhausted, true,
        "what is left of a budget is held by calls under way");
    public static readonly ErrorCode BudgetExists = Conflict(
        20032, "budget_exists", "a budget of this name exists");
    public static readonly ErrorCode BudgetNotFound = NotFound(20034, "budget_not_found", "no such budget");
    public static readonly ErrorCode BudgetUncounted = Semantic(
        20035, "budget_uncounted", "a budget refuses calls that it can not count");
    public static readonly ErrorCode BudgetInvalid = Invalid(20036, "budget_invalid", "the budget is invalid");
    public static readonly ErrorCode UsageInvalid = Invalid(
        20037, "usage_invalid", "the query or correction of usage is invalid");

    // 30xxx: collections
    public static readonly ErrorCode CollectionNotFound = NotFound(
        30001, "collection_not_found", "no such collection");
    public static readonly ErrorCode CollectionExists = Conflict(
        30002, "collection_exists", "a collection or alias of this name exists");
    public static readonly ErrorCode CollectionParameter = Invalid(
        30003, "collection_parameter_invalid", "a parameter of the collection is invalid");
    public static readonly ErrorCode CollectionImmutable = Semantic(
        30004, "collection_immutable", "this field can not change after creation");
    public static readonly ErrorCode EngineUnavailable = Semantic(
        30005, "engine_unavailable", "no worker has this engine");
    public static readonly ErrorCode CollectionCorrupt = new(
        30006, "collection_corrupt", 500, StatusCode.DataLoss, false, "files of the collection are damaged");
    public static readonly ErrorCode CollectionHasNoModel = Semantic(
        30007, "collection_has_no_model", "the collection names no embedding model, so it takes vectors only");
    public static readonly ErrorCode CollectionOpening = new(
        30008, "collection_opening", 503, StatusCode.Unavailable, true,
        "the worker is still reading the collection from disk");
    public static readonly ErrorCode CollectionAliased = Conflict(
        30009, "collection_aliased", "aliases still name the collection: move or remove them, or delete with them");
    public static readonly ErrorCode AliasNotFound = NotFound(30010, "alias_not_found", "no such alias");
    public static readonly ErrorCode SnapshotNotFound = NotFound(30011, "snapshot_not_found", "no such snapshot");
    public static readonly ErrorCode SnapshotCorrupt = new(
        30012, "snapshot_corrupt", 500, StatusCode.DataLoss, false, "files of the snapshot are damaged");
    public static readonly ErrorCode SnapshotLimit = Conflict(
        30013, "snapshot_limit", "the collection has as many snapshots as it may");
    public static readonly ErrorCode PinBudget = Conflict(
        30014, "pin_budget", "pinned collections would take more than the worker's memory budget");

    // 40xxx: vectors
    public static readonly ErrorCode DimensionMismatch = Invalid(
        40001, "dimension_mismatch", "a vector has the wrong number of components");
    public static readonly ErrorCode VectorNotFinite = Invalid(
        40002, "vector_not_finite", "a component is NaN, infinite or beyond float32");
    public static readonly ErrorCode ZeroVector = Invalid(
        40003, "zero_vector", "a zero vector has no direction under cosine");
    public static readonly ErrorCode FilterInvalid = Invalid(40004, "filter_invalid", "the filter is invalid");
    public static readonly ErrorCode VectorIdInvalid = Invalid(
        40005, "vector_id_invalid", "an id must be an integer or a string of 1-128 characters");
    public static readonly ErrorCode MetadataInvalid = Invalid(
        40006, "metadata_invalid", "metadata must be a JSON object within the limits");
    public static readonly ErrorCode TooManyRows = new(
        40007, "too_many_rows", 413, StatusCode.InvalidArgument, false, "more rows than one call takes");
    public static readonly ErrorCode ScrollExpired = new(
        40008, "scroll_expired", 410, StatusCode.FailedPrecondition, false, "the scroll has expired: begin anew");

    // 50xxx: tasks
    public static readonly ErrorCode TaskNotFound = NotFound(50001, "task_not_found", "no such task");
    public static readonly ErrorCode TaskTransition = Conflict(
        50002, "task_transition", "the task's state does not allow this");
    public static readonly ErrorCode TaskTypeInvalid = Invalid(50003, "task_type_invalid", "no such task type");
    public static readonly ErrorCode TaskPayloadInvalid = Invalid(
        50004, "task_payload_invalid", "the payload does not fit the task's type");
    public static readonly ErrorCode TaskTypeUnavailable = Semantic(
        50005, "task_type_unavailable", "no executor of this type is registered");
    public static readonly ErrorCode TaskTimedOut = new(
        50006, "task_timed_out", 504, StatusCode.DeadlineExceeded, true, "the attempt passed its deadline");
    public static readonly ErrorCode TaskWorkerLost = new(
        50007, "task_worker_lost", 503, StatusCode.Unavailable, true, "the task's worker stopped renewing its lease");
    public static readonly ErrorCode TaskQueueFull = new(
        50008, "task_queue_full", 429, StatusCode.ResourceExhausted, true, "the queue holds as many tasks as it may");
    public static readonly ErrorCode TaskUniqueKeyTaken = Conflict(
        50009, "task_unique_key_taken", "another live task has the unique key");
    public static readonly ErrorCode TaskGraphInvalid = Semantic(
        50010, "task_graph_invalid", "the tasks depend on each other in a circle");
    public static readonly ErrorCode ScheduleNotFound = NotFound(50011, "schedule_not_found", "no such schedule");
    public static readonly ErrorCode ScheduleExists = Conflict(
        50012, "schedule_exists", "a schedule of this name exists");
    public static readonly ErrorCode ScheduleInvalid = Invalid(50013, "schedule_invalid", "the schedule is invalid");
    public static readonly ErrorCode TaskExecutorLost = new(
        50014, "task_executor_lost", 503, StatusCode.Unavailable, true, "the ai worker that ran the attempt is lost");
    public static readonly ErrorCode TaskStreamsFull = new(
        50020, "task_streams_full", 429, StatusCode.ResourceExhausted, true,
        "as many streams of tasks are open as may");
    public static readonly ErrorCode AlertNotFound = NotFound(50021, "alert_not_found", "no such alert");
    public static readonly ErrorCode AlertExists = Conflict(50022, "alert_exists", "an alert of this name exists");
    public static readonly ErrorCode AlertLimit = Conflict(50023, "alert_limit", "there are as many alerts as may be");

    // 60xxx: service calls
    public static readonly ErrorCode ServiceCallQuery = Invalid(
        60001, "service_call_query_invalid", "the query over service calls is invalid");

    // 80xxx: security
    public static readonly ErrorCode EndpointForbidden = new(
        80001, "endpoint_forbidden", 422, StatusCode.PermissionDenied, false,
        "the endpoint is neither public nor loopback nor on the allow-list");

    // 90xxx: ai upstream
    public static readonly ErrorCode AiUnavailable = new(
        90001, "ai_unavailable", 503, StatusCode.Unavailable, true, "no ai worker answers");
    public static readonly ErrorCode AiTimeout = new(
        90002, "ai_timeout", 504, StatusCode.DeadlineExceeded, true, "the ai worker did not answer in time");
    public static readonly ErrorCode AiFailed = new(
        90003, "ai_failed", 502, StatusCode.Internal, false, "the ai worker failed");
    public static readonly ErrorCode AiWorkerMissing = new(
        90004, "ai_worker_missing", 503, StatusCode.Unavailable, true,
        "the worker that holds this collection is not connected");
    public static readonly ErrorCode ModelNotLoaded = new(
        90010, "model_not_loaded", 502, StatusCode.FailedPrecondition, false, "the worker can not load the model");
    public static readonly ErrorCode ModelInputInvalid = Invalid(
        90011, "model_input_invalid", "the model does not take this input");
    public static readonly ErrorCode ModelUpstreamFailed = new(
        90012, "model_upstream_failed", 502, StatusCode.Unavailable, true, "the model's endpoint failed");
    public static readonly ErrorCode ModelEndpointForbidden = new(
        90013, "model_endpoint_forbidden", 422, StatusCode.PermissionDenied, false,
        "the worker may not reach this endpoint");
    public static readonly ErrorCode ModelUpstreamLimited = new(
        90014, "model_upstream_limited", 429, StatusCode.ResourceExhausted, true,
        "the model's endpoint asks to slow down");
    public static readonly ErrorCode WorkerInternal = new(
        90099, "worker_internal", 502, StatusCode.Internal, false, "an error of ours in the worker");

    /// <summary>Every code by number.</summary>
    public static FrozenDictionary<int, ErrorCode> ByNumber { get; } = typeof(ErrorCodes).GetFields()
        .Select(field => field.GetValue(null)).OfType<ErrorCode>()
        .ToFrozenDictionary(code => code.Number);

    private static ErrorCode Invalid(int number, string name, string message) =>
        new(number, name, 400, StatusCode.InvalidArgument, false, message);

    private static ErrorCode NotFound(int number, string name, string message) =>
        new(number, name, 404, StatusCode.NotFound, false, message);

    private static ErrorCode Conflict(int number, string name, string message) =>
        new(number, name, 409, StatusCode.FailedPrecondition, false, message);

    private static ErrorCode Semantic(int number, string name, string message) =>
        new(number, name, 422, StatusCode.FailedPrecondition, false, message);
}
