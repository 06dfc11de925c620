namespace Taishang.Core.Data;

/// <summary>The two databases. Statements are one text for both; where they must differ, the store holds two.</summary>
public enum Dialect
{
    Sqlite,
    PostgreSql,
}
