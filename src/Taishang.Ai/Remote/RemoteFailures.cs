using System.Globalization;
using Google.Protobuf;
using Grpc.Core;
using Taishang.Ai.Models;
using Taishang.Ai.Rpc;
using Taishang.Contracts.Ai.V1;

namespace Taishang.Ai.Remote;

/// <summary>
/// Turns what another worker refused or broke into a failure of ours, its code kept where the code speaks of the model
/// or the input. Codes that speak of that worker itself (it is stopping, it has an error of its own) would be taken
/// for ours by the caller, so they become a failure of what lies behind the model.
/// </summary>
internal static class RemoteFailures
{
    public static ModelException Of(RpcException failure, RemoteTarget target)
    {
        if (GuardedHttp.RefusalIn(failure.Status.DebugException) is { } refusal) return refusal;
        string said = failure.Status.Detail;
        if (CodeOf(failure.Trailers) is { } code && KindOf(code) is { } kind)
        {
            return new ModelException(kind, said, failure)
            {
                Code = code,
                Field = FieldOf(failure.Trailers),
                RetryAfter = RetryAfterOf(failure.Trailers),
            };
        }
        if (IsConnectTimeout(failure.Status.DebugException))
        {
            return new ModelException(ModelErrorKind.UpstreamTimeout,
                $"The other worker could not be connected within {target.ConnectTimeoutMs} ms.", failure);
        }
        if (failure.StatusCode == StatusCode.DeadlineExceeded) return Late(target, failure);
        return new ModelException(
            ModelErrorKind.UpstreamFailed, $"The other worker failed: {failure.StatusCode}: {said}", failure)
        { RetryAfter = RetryAfterOf(failure.Trailers) };
    }

    public static ModelException Late(RemoteTarget target, Exception? inner = null) => new(
        ModelErrorKind.UpstreamTimeout, $"The other worker did not answer within {target.TimeoutMs} ms.", inner);

    private static ModelErrorKind? KindOf(ErrorCode code) => code switch
    {
        ErrorCode.InvalidArgument => ModelErrorKind.InvalidConfig,
        ErrorCode.ModelInputInvalid => ModelErrorKind.InvalidInput,
        ErrorCode.ModelNotLoaded => ModelErrorKind.LoadFailed,
        ErrorCode.ModelEndpointForbidden => ModelErrorKind.EndpointRefused,
        ErrorCode.Overloaded or ErrorCode.InsufficientMemory => ModelErrorKind.Busy,
        ErrorCode.ModelUpstreamLimited => ModelErrorKind.UpstreamLimited,
        ErrorCode.ModelUpstreamFailed => ModelErrorKind.UpstreamFailed,
        _ => null,
    };

    private static ErrorCode? CodeOf(Metadata trailers) =>
        int.TryParse(
            trailers.GetValue(WorkerErrors.CodeTrailer), NumberStyles.None, CultureInfo.InvariantCulture, out int code)
            ? (ErrorCode)code
            : null;

    private static string? FieldOf(Metadata trailers)
    {
        try
        {
            return trailers.GetValueBytes(WorkerErrors.ErrorsTrailer) is { } bytes
                ? ErrorDetails.Parser.ParseFrom(bytes).Errors.FirstOrDefault()?.Field
                : null;
        }
        catch (Exception unreadable) when (unreadable is InvalidProtocolBufferException or FormatException)
        {
            return null; // The details only explain.
        }
    }

    private static TimeSpan? RetryAfterOf(Metadata trailers) =>
        int.TryParse(trailers.GetValue(WorkerErrors.RetryAfterTrailer), NumberStyles.None,
            CultureInfo.InvariantCulture, out int ms)
            ? TimeSpan.FromMilliseconds(ms)
            : null;

    private static bool IsConnectTimeout(Exception? cause)
    {
        for (; cause is not null; cause = cause.InnerException)
        {
            if (cause is TimeoutException) return true;
        }
        return false;
    }
}
