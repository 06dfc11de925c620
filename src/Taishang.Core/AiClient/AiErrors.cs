using System.Collections.Frozen;
using System.Globalization;
using System.Net.Http;
using System.Net.Sockets;
using Google.Protobuf;
using Grpc.Core;
using Taishang.Contracts.Ai.V1;
using Taishang.Core.Api;
using Taishang.Core.ServiceCalls;
using ErrorCode = Taishang.Core.Api.ErrorCode;
using WorkerErrorCode = Taishang.Contracts.Ai.V1.ErrorCode;

namespace Taishang.Core.AiClient;

/// <summary>
/// Turns what gRPC says into the error table. A worker's own word (the trailer `taishang-code`) comes first; without
/// one the status decides; without an answer at all it is the transport that failed.
/// </summary>
public static class AiErrors
{
    internal const string CodeTrailer = "taishang-code";
    internal const string DetailsTrailer = "taishang-errors-bin";

    /// <summary>Milliseconds after which a worker expects to take the call.</summary>
    internal const string RetryAfterTrailer = "taishang-retry-after-ms";

    /// <summary>gRPC's own way of saying the same, as proxies between here and a worker do.</summary>
    internal const string PushbackTrailer = "grpc-retry-pushback-ms";

    /// <summary>Longer texts of a worker are cut: they end up in answers and in records.</summary>
    internal const int MessageCharsMax = 1_000;

    private const int PushbackMsMax = 60_000;

    /// <summary>Codes that a worker may use; a number outside of them is garbage and the status decides.</summary>
    private static readonly FrozenDictionary<int, ErrorCode> WorkerCodes = Enum.GetValues<WorkerErrorCode>()
        .Where(code => ErrorCodes.ByNumber.ContainsKey((int)code))
        .ToFrozenDictionary(code => (int)code, code => ErrorCodes.ByNumber[(int)code]);

    /// <summary>
    /// Names the fields of a refused call as the caller of core wrote them: <c>rows[3].vector</c> of the worker is
    /// <c>vectors[3].vector</c> of the REST body.
    /// </summary>
    public static async Task<TResponse> RenamingFields<TResponse>(
        this Task<TResponse> call, Func<string, string> rename)
    {
        try
        {
            return await call;
        }
        catch (ApiException e) when (e.Errors.Count > 0)
        {
            var errors = e.Errors.Select(error => error with { Field = rename(error.Field) }).ToArray();
            throw new ApiException(e.Code, Sentence(errors, e.Message), errors, e.RetryAfter, e.InnerException ?? e);
        }
    }

    /// <summary>
    /// True when the failed call can not have reached a worker: none was connected, or no connection came about. What
    /// was broken off later may have been begun, even where the worker has told nothing yet.
    /// </summary>
    internal static bool IsUnsent(ApiException e)
    {
        if (e.Code != ErrorCodes.AiUnavailable) return false;
        for (Exception? cause = e; cause is not null; cause = cause.InnerException)
        {
            if (cause is RpcException rpc) return IsConnect(rpc.Status.DebugException);
        }

        return true;
    }

    internal static CallFailure Read(RpcException e)
    {
        var code = CodeOf(e.Trailers);
        var errors = DetailsOf(e.Trailers);
        var pushback = PushbackOf(e.Trailers);
        var status = e.StatusCode == StatusCode.DeadlineExceeded ? CallStatus.Timeout : CallStatus.Failed;
        if (code is not null)
        {
            var message = Sentence(errors, Cut(e.Status.Detail, code.Message));
            return new(new ApiException(code, message, errors, pushback, e), status, false, false, pushback);
        }

        var cause = e.Status.DebugException;
        var isTransport = IsTransport(e);
        var isConnect = isTransport && IsConnect(cause);
        var (mapped, text) = isTransport ? (ErrorCodes.AiUnavailable, Unreached(e)) : OfStatus(e);
        var retryAfter = pushback ?? (mapped.Retriable ? ErrorResponses.RetryAfterDefault : null);
        var told = Sentence(errors, Cut(text, mapped.Message));
        return new(new ApiException(mapped, told, errors, retryAfter, e), status, isTransport, isConnect, pushback);
    }

    private static (ErrorCode Code, string Message) OfStatus(RpcException e)
    {
        var detail = e.Status.Detail;
        switch (e.StatusCode)
        {
            case StatusCode.DeadlineExceeded:
                return (ErrorCodes.AiTimeout, ErrorCodes.AiTimeout.Message);
            case StatusCode.ResourceExhausted when detail.StartsWith(
                "Sending message exceeds", StringComparison.Ordinal):
                return (ErrorCodes.BodyTooLarge, ErrorCodes.BodyTooLarge.Message);
            case StatusCode.ResourceExhausted when detail.StartsWith(
                "Received message exceeds", StringComparison.Ordinal):
                return (ErrorCodes.AiFailed, "the ai worker's answer is larger than the limit");
            case StatusCode.ResourceExhausted:
                return (ErrorCodes.TooManyRequests, detail);
            case StatusCode.InvalidArgument:
                return (ErrorCodes.InvalidArgument, detail);
            case StatusCode.Unavailable:
                return (ErrorCodes.AiFailed, "the ai worker's answer can not be read");
            default:
                return (ErrorCodes.AiFailed, $"the ai worker failed: {e.StatusCode}: {detail}");
        }
    }

    /// <summary>
    /// The status names which side broke off; the text of the exception would name addresses of ours.
    /// </summary>
    private static string Unreached(RpcException e) =>
        e.Status.DebugException is null && e.Status.Detail.Length > 0
            ? $"no ai worker answers: {e.Status.Detail}"
            : ErrorCodes.AiUnavailable.Message;

    /// <summary>
    /// True when no worker has answered: refused, broken off, or taken away by a worker that shuts down. An answer that
    /// cannot be read is an answer, although its exception is an IOException and gRPC calls it UNAVAILABLE.
    /// </summary>
    private static bool IsTransport(RpcException e)
    {
        var isBroken = false;
        for (var cause = e.Status.DebugException; cause is not null; cause = cause.InnerException)
        {
            if (cause is InvalidProtocolBufferException) return false;
            isBroken |= cause is IOException or SocketException or HttpRequestException;
        }

        return e.StatusCode switch
        {
            StatusCode.Unavailable or StatusCode.Cancelled => true,
            StatusCode.Internal or StatusCode.Unknown => isBroken,
            _ => false,
        };
    }

    private static bool IsConnect(Exception? cause)
    {
        for (; cause is not null; cause = cause.InnerException)
        {
            if (cause is HttpRequestException
                { HttpRequestError: HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError })
                return true;
        }

        return false;
    }

    private static ErrorCode? CodeOf(Metadata trailers) =>
        int.TryParse(trailers.GetValue(CodeTrailer), NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? WorkerCodes.GetValueOrDefault(number)
            : null;

    private static FieldError[] DetailsOf(Metadata trailers)
    {
        try
        {
            if (trailers.GetValueBytes(DetailsTrailer) is not { } bytes) return [];
            return ErrorDetails.Parser.ParseFrom(bytes).Errors.Take(FieldErrors.ErrorsMax)
                .Select(error => new FieldError(error.Field, (int)error.Code, Cut(WithoutField(error), "")))
                .ToArray();
        }
        catch (Exception e) when (e is InvalidProtocolBufferException or FormatException)
        {
            // The details only explain; the code and the status stand without them.
            return [];
        }
    }

    /// <summary>A worker's message stands alone, so it begins with its field; here the field comes apart.</summary>
    private static string WithoutField(ErrorDetail error) =>
        error.Field.Length > 0 && error.Message.StartsWith(error.Field + ": ", StringComparison.Ordinal)
            ? error.Message[(error.Field.Length + 2)..]
            : error.Message;

    private static TimeSpan? PushbackOf(Metadata trailers)
    {
        var text = trailers.GetValue(RetryAfterTrailer) ?? trailers.GetValue(PushbackTrailer);
        return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var ms) && ms > 0
            ? TimeSpan.FromMilliseconds(Math.Min(ms, PushbackMsMax))
            : null;
    }

    private static string Sentence(IReadOnlyList<FieldError> errors, string otherwise)
    {
        if (errors.Count == 0) return otherwise;
        var more = errors.Count > 1 ? $" (and {errors.Count - 1} more)" : "";
        return errors[0].Field.Length == 0 ? errors[0].Message + more : $"{errors[0].Field}: {errors[0].Message}{more}";
    }

    private static string Cut(string text, string otherwise) => text.Length switch
    {
        0 => otherwise,
        > MessageCharsMax => string.Concat(text.AsSpan(0, WholeChars(text, MessageCharsMax)), "…"),
        _ => text,
    };

    /// <summary>A cut never leaves half of a character: JSON and SQL refuse it.</summary>
    private static int WholeChars(string text, int length) =>
        char.IsHighSurrogate(text[length - 1]) ? length - 1 : length;
}
