using Google.Protobuf;
using Grpc.Core;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Taishang.Ai.Models;
using Taishang.Contracts.Ai.V1;
using Taishang.VectorEngine;
using Taishang.VectorEngine.Filtering;

namespace Taishang.Ai.Rpc;

/// <summary>
/// The one place where an exception becomes a gRPC status with the table's code in its trailers. What we did not
/// foresee is logged here and told to the caller as WORKER_INTERNAL, without its insides.
/// </summary>
internal sealed class WorkerErrors(
    IHostApplicationLifetime lifetime, TimeProvider time, ILogger<WorkerErrors> logger)
{
    public const string CodeTrailer = "taishang-code";
    public const string ErrorsTrailer = "taishang-errors-bin";

    /// <summary>Milliseconds after which another try makes sense; absent where nobody knows.</summary>
    public const string RetryAfterTrailer = "taishang-retry-after-ms";

    /// <summary>Trailers travel as HTTP headers, which clients take up to 64 KiB of, and each character of Chinese
    /// takes nine bytes there.</summary>
    private const int MessageCharsMax = 1_000;

    public RpcException ToRpc(Exception e, ServerCallContext context) => e switch
    {
        RpcException rpc => rpc,
        OperationCanceledException when context.CancellationToken.IsCancellationRequested => Cancelled(context),
        OperationCanceledException when lifetime.ApplicationStopping.IsCancellationRequested =>
            Make(new WorkerException(ErrorCode.ShuttingDown, "the worker is stopping")),
        _ => Make(Explain(e, context.Method)),
    };

    /// <summary>The status that goes with a code: the same as in the one error table; a test compares.</summary>
    public static StatusCode StatusOf(ErrorCode code) => code switch
    {
        ErrorCode.CollectionNotFound or ErrorCode.SnapshotNotFound => StatusCode.NotFound,
        ErrorCode.InsufficientMemory or ErrorCode.Overloaded or ErrorCode.ModelUpstreamLimited =>
            StatusCode.ResourceExhausted,
        ErrorCode.StorageUnavailable or ErrorCode.CollectionOpening or ErrorCode.ModelUpstreamFailed
            or ErrorCode.ShuttingDown => StatusCode.Unavailable,
        ErrorCode.CollectionExists or ErrorCode.ModelNotLoaded or ErrorCode.ScrollExpired or ErrorCode.SnapshotLimit
            or ErrorCode.PinBudget or ErrorCode.TaskTypeUnavailable => StatusCode.FailedPrecondition,
        ErrorCode.CollectionCorrupt or ErrorCode.SnapshotCorrupt => StatusCode.DataLoss,
        ErrorCode.ModelEndpointForbidden => StatusCode.PermissionDenied,
        ErrorCode.WorkerInternal => StatusCode.Internal,
        _ => StatusCode.InvalidArgument,
    };

    private WorkerException Explain(Exception e, string method)
    {
        switch (e)
        {
            case WorkerException known:
                if (known.Code == ErrorCode.WorkerInternal) logger.LogError(e, "{Method} failed", method);
                return known;
            case VectorInputException input:
                return new WorkerException(CodeOf(input.Kind), input.Message, FieldOf(input));
            case FilterSyntaxException filter:
                return new WorkerException(ErrorCode.FilterInvalid, filter.Message, "filter");
            case ScrollExpiredException scroll:
                return new WorkerException(ErrorCode.ScrollExpired, scroll.Message, "cursor");
            case ModelException model:
                return OfModel(model);
            case WriteFailedException write:
                logger.LogError(e, "{Method}: the disk refuses writes", method);
                return new WorkerException(ErrorCode.StorageUnavailable, write.Message);
            case CorruptDataException corrupt:
                logger.LogError(e, "{Method}: damaged data", method);
                return new WorkerException(ErrorCode.CollectionCorrupt, corrupt.Message, "collection_id");
            case MemoryLimitException memory:
                return WorkerException.OfMemory(memory.Message, memory);
            case OutOfMemoryException:
                logger.LogError(e, "{Method}: out of memory", method);
                return new WorkerException(ErrorCode.InsufficientMemory, "there was not enough memory for the call");
            default:
                logger.LogError(e, "{Method} failed", method);
                return new WorkerException(
                    ErrorCode.WorkerInternal,
                    "an error of ours in the worker; its log has it under the call's trace id");
        }
    }

    private static RpcException Make(WorkerException e)
    {
        var message = Cut(e.Message);
        var detail = new ErrorDetail { Field = e.Field, Code = e.Code, Message = message };
        var trailers = new Metadata
        {
            { CodeTrailer, ((int)e.Code).ToString() },
            { ErrorsTrailer, new ErrorDetails { Errors = { detail } }.ToByteArray() },
        };
        if (e.RetryAfter is { } wait) trailers.Add(RetryAfterTrailer, ((long)wait.TotalMilliseconds).ToString());
        return new RpcException(new Status(StatusOf(e.Code), message), trailers);
    }

    private RpcException Cancelled(ServerCallContext context) =>
        time.GetUtcNow().UtcDateTime >= context.Deadline
            ? new RpcException(new Status(StatusCode.DeadlineExceeded, "the deadline passed"))
            : new RpcException(new Status(StatusCode.Cancelled, "the caller cancelled the call"));

    public static ErrorCode CodeOf(VectorInputError kind) => kind switch
    {
        VectorInputError.DimensionMismatch => ErrorCode.DimensionMismatch,
        VectorInputError.NotFinite => ErrorCode.VectorNotFinite,
        VectorInputError.ZeroVector => ErrorCode.ZeroVector,
        VectorInputError.BadId => ErrorCode.VectorIdInvalid,
        VectorInputError.BadMetadata => ErrorCode.MetadataInvalid,
        VectorInputError.TooManyRows => ErrorCode.TooManyRows,
        _ => ErrorCode.InvalidArgument,
    };

    private static string FieldOf(VectorInputException e) => (e.Row, e.Kind) switch
    {
        (null, VectorInputError.TooManyRows) => "rows",
        (null, VectorInputError.BadParameter) => "",
        (null, _) => "vector",
        ({ } row, VectorInputError.BadId) => $"rows[{row}].id",
        ({ } row, VectorInputError.BadMetadata) => $"rows[{row}].metadata",
        ({ } row, VectorInputError.BadParameter) => $"rows[{row}]",
        ({ } row, _) => $"rows[{row}].vector",
    };

    private static WorkerException OfModel(ModelException e)
    {
        var code = e.Code ?? e.Kind switch
        {
            ModelErrorKind.InvalidConfig => ErrorCode.InvalidArgument,
            ModelErrorKind.InvalidInput => ErrorCode.ModelInputInvalid,
            ModelErrorKind.EndpointRefused or ModelErrorKind.PathEscape => ErrorCode.ModelEndpointForbidden,
            ModelErrorKind.Busy => ErrorCode.Overloaded,
            ModelErrorKind.UpstreamLimited => ErrorCode.ModelUpstreamLimited,
            ModelErrorKind.UpstreamUnauthorized or ModelErrorKind.UpstreamTimeout or ModelErrorKind.UpstreamFailed =>
                ErrorCode.ModelUpstreamFailed,
            _ => ErrorCode.ModelNotLoaded,
        };
        var field = e.Field
            ?? (e.Row is { } row ? $"texts[{row}]" : e.Kind == ModelErrorKind.InvalidInput ? "texts" : "model");
        return new WorkerException(code, e.Message, field) { RetryAfter = e.RetryAfter };
    }

    private static string Cut(string message) =>
        message.Length <= MessageCharsMax ? message : string.Concat(message.AsSpan(0, MessageCharsMax), "…");
}
