namespace Taishang.Core.AiClient.Discovery;

/// <summary>Where the addresses of workers come from: fixed, a DNS name, or Consul.</summary>
internal interface IAddressSource
{
    /// <summary>The entry of the options behind it, for logs.</summary>
    string Name { get; }

    /// <summary>False when one look-up is enough for ever.</summary>
    bool Changes { get; }

    /// <summary>Addresses that a channel can be opened to (<c>http</c>, <c>https</c> or <c>unix</c>).</summary>
    Task<IReadOnlyList<string>> ResolveAsync(CancellationToken cancellation);
}
