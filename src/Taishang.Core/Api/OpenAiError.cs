using System.Buffers;
using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace Taishang.Core.Api;

/// <summary>
/// Errors in the form that clients of OpenAI read: <c>{error: {message, type, param, code}}</c>. The code is the name
/// in our own table, but for those that clients look at: a model that is not there, a limit that is passed, and a quota
/// that is used up.
/// </summary>
internal static class OpenAiError
{
    /// <summary>Both type and code of an account that has nothing left.</summary>
    private const string Quota = "insufficient_quota";

    private static readonly PathString Root = "/v1";

    /// <summary>Clients sleep for as long as Retry-After says before their next try, were it for days.</summary>
    private static readonly TimeSpan QuotaWaitMax = TimeSpan.FromMinutes(1);

    public static bool IsFormOf(PathString path) => path.StartsWithSegments(Root, StringComparison.OrdinalIgnoreCase);

    /// <summary>Whether the time to wait is left to the message.</summary>
    public static bool HidesWait(PathString path, ApiException error) =>
        IsQuota(error) && error.RetryAfter > QuotaWaitMax && IsFormOf(path);

    public static void Write(IBufferWriter<byte> output, ApiException error)
    {
        using var writer = new Utf8JsonWriter(output, Envelope.WriterOptions);
        writer.WriteStartObject();
        writer.WriteStartObject("error"u8);
        writer.WriteString("message"u8, error.Message);
        writer.WriteString("type"u8, IsQuota(error) ? Quota : TypeOf(error.Code.HttpStatus));
        if (error.Errors.Count > 0 && error.Errors[0].Field.Length > 0)
            writer.WriteString("param"u8, error.Errors[0].Field);
        else writer.WriteNull("param"u8);
        writer.WriteString("code"u8, NameOf(error.Code));
        writer.WriteEndObject();
        writer.WriteEndObject();
    }

    private static string NameOf(ErrorCode code) =>
        code == ErrorCodes.ModelRouteNotFound ? ErrorCodes.ModelNotFound.Name
        : code == ErrorCodes.TooManyRequests || code == ErrorCodes.ModelAtLimit ? "rate_limit_exceeded"
        : code == ErrorCodes.BudgetExceeded ? Quota
        : code.Name;

    private static bool IsQuota(ApiException error) => error.Code == ErrorCodes.BudgetExceeded;

    private static string TypeOf(int status) => status switch
    {
        401 => "authentication_error",
        403 => "permission_error",
        429 => "rate_limit_error",
        >= 500 => "server_error",
        _ => "invalid_request_error",
    };
}
