using System.ComponentModel.DataAnnotations;

namespace Taishang.Core.Gateway;

/// <summary>What stands between REST and the models. Section `Gateway`.</summary>
internal sealed class GatewayOptions
{
    /// <summary>Of vectors of texts, in MiB: 0 (none are kept) to 65,536, default 64.</summary>
    [Range(0, 65_536)]
    public int VectorCacheMb { get; set; } = 64;

    /// <summary>Of whole answers, in MiB: 0 (none are kept) to 65,536, default 32.</summary>
    [Range(0, 65_536)]
    public int AnswerCacheMb { get; set; } = 32;

    /// <summary>
    /// Whether vectors are kept of calls that name a model and no route. Default true: a version gives one text one
    /// vector.
    /// </summary>
    public bool CacheDirectVectors { get; set; } = true;

    /// <summary>How long what a direct call brought is kept, in seconds: 1–2,592,000, default 3,600.</summary>
    [Range(1, 2_592_000)]
    public int DirectTtlSeconds { get; set; } = 3_600;

    /// <summary>Calls to shadows at once: more are left out. 0–1,000, default 16.</summary>
    [Range(0, 1_000)]
    public int ShadowCallsMax { get; set; } = 16;

    /// <summary>Longest time of one call to a shadow, in milliseconds: 100–600,000, default 60,000.</summary>
    [Range(100, 600_000)]
    public int ShadowTimeoutMs { get; set; } = 60_000;
}
