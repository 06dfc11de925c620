using Microsoft.AspNetCore.Http;
using Taishang.Core.Api;

namespace Taishang.Core.Gateway.Routes;

/// <summary>
/// A drill: the caller names targets that fail for its call alone, to see what comes then. Nobody else notices, and no
/// target is blamed.
/// </summary>
internal sealed class CallDrill
{
    /// <summary>Targets separated by commas, each as its route names it, or * for all; <c>=failed</c> (the default),
    /// <c>=limited</c> or <c>=timeout</c> behind one says how it fails.</summary>
    public const string Header = "X-Taishang-Drill";

    private const int LengthMax = 4_000;
    private const string All = "*";
    private readonly Dictionary<string, ErrorCode> _faults = new(StringComparer.Ordinal);

    private CallDrill()
    {
    }

    public static CallDrill None { get; } = new();

    /// <exception cref="ApiException">The header is not as it should be.</exception>
    public static CallDrill Of(IHeaderDictionary headers)
    {
        var given = headers[Header].ToString();
        if (given.Length == 0) return None;
        if (given.Length > LengthMax)
            throw new ApiException(ErrorCodes.InvalidArgument, $"{Header}: expected at most {LengthMax} characters");
        var drill = new CallDrill();
        foreach (var part in given.Split(
            ',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            var equals = part.LastIndexOf('=');
            var (target, word) = equals < 0 ? (part, "failed") : (part[..equals], part[(equals + 1)..]);
            drill._faults[target] = word switch
            {
                "failed" => ErrorCodes.ModelUpstreamFailed,
                "limited" => ErrorCodes.ModelUpstreamLimited,
                "timeout" => ErrorCodes.AiTimeout,
                _ => throw new ApiException(
                    ErrorCodes.InvalidArgument, $"{Header}: expected failed, limited or timeout behind '='"),
            };
        }

        return drill;
    }

    /// <summary>How a target fails for this call; null when it does not.</summary>
    public ApiException? FaultOf(string target) =>
        _faults.Count == 0 ? null
        : _faults.TryGetValue(target, out var code) || _faults.TryGetValue(All, out code)
            ? new ApiException(code, $"drill: {target} is played to fail")
            : null;
}
