using System.ComponentModel.DataAnnotations;
using System.Net;

namespace Taishang.Core.Models;

/// <summary>The registry of models. Section `Models`.</summary>
public sealed class ModelOptions
{
    /// <summary>What embeds text where nothing names a model: <c>provider/name</c>, default the built-in.</summary>
    [Required]
    public string DefaultEmbedding { get; set; } = "builtin/taishang-embed";

    /// <summary>Private networks, as CIDR, that endpoints may lie in. Default none.</summary>
    public List<string> AllowedNetworks { get; set; } = [];

    /// <summary>
    /// Base64 of 32 bytes, under which secrets in configs are encrypted. Default: a key of this server's own in the
    /// data folder; several cores on one database need one key between them.
    /// </summary>
    public string? ConfigKey { get; set; }

    /// <summary>
    /// How long a model once looked up is believed, in milliseconds: 0–60,000, default 2,000. A change through this
    /// server counts at once; one through another core after this time at the latest.
    /// </summary>
    [Range(0, 60_000)]
    public int CacheMs { get; set; } = 2_000;

    /// <summary>
    /// After how many minutes models in use are tested again: 0–10,080, default 30; 0 is never. A test embeds one short
    /// text, which a paid service charges for.
    /// </summary>
    [Range(0, 10_080)]
    public int RetestMinutes { get; set; } = 30;

    /// <summary>
    /// Failed tests in a row after which an active model becomes inactive: 0–1,000, default 0, which only warns.
    /// </summary>
    [Range(0, 1_000)]
    public int RetestDeactivateAfter { get; set; }

    internal bool NetworksAreValid => AllowedNetworks.TrueForAll(network => IPNetwork.TryParse(network, out _));
}
