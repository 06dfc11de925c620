using System.Collections;
using Taishang.Core.Data;

namespace Taishang.Testing.Databases;

/// <summary>
/// The source of a theory that runs on both databases: <c>[Theory, ClassData(typeof(EveryDatabase))]</c> over a method
/// that takes a <see cref="Dialect"/> and opens its <see cref="DatabaseWorld"/> with it.
/// </summary>
public sealed class EveryDatabase : IEnumerable<object[]>
{
    public IEnumerator<object[]> GetEnumerator()
    {
        yield return [Dialect.Sqlite];
        yield return [Dialect.PostgreSql];
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
